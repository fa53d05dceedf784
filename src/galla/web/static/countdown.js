// Codes that run out: counts the time that is left, and takes a code away when it is over. The server says what became of it.
"use strict";

const codeLead = Date.parse(document.body.dataset.now) - Date.now();

function countDown() {
  for (const clock of document.querySelectorAll("[data-until]")) {
    const seconds = Math.max(0, Math.ceil((Date.parse(clock.dataset.until) - Date.now() - codeLead) / 1000));
    const minutes = Math.floor(seconds / 60);
    const text =
      minutes < 60
        ? `${minutes}:${String(seconds % 60).padStart(2, "0")}`
        : document.body.dataset.wordSpan.replace("{hours}", Math.floor(minutes / 60)).replace("{minutes}", minutes % 60);
    if (clock.textContent !== text) clock.textContent = text;
    clock.closest("[data-code]")?.classList.toggle("is-over", seconds === 0);
  }
}

setInterval(countDown, 250);
document.addEventListener("htmx:after:swap", countDown);
document.addEventListener("htmx:sse:after:message", countDown);
countDown();
