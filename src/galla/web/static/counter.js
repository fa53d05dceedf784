// The counter's small comforts: clocks that count, keys, focus, one press per form. Without it every page still works.
"use strict";

const serverLead = Date.parse(document.body.dataset.now) - Date.now();

function passed(since) {
  const seconds = Math.max(0, Math.floor((Date.now() + serverLead - Date.parse(since)) / 1000));
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
  const hours = Math.floor(minutes / 60);
  const { wordSpan, wordDays } = document.body.dataset;
  if (hours >= 48) return wordDays.replace("{days}", Math.floor(hours / 24));
  return wordSpan.replace("{hours}", hours).replace("{minutes}", minutes % 60);
}

function tick() {
  for (const clock of document.querySelectorAll("[data-since]")) {
    const text = passed(clock.dataset.since);
    if (clock.textContent !== text) clock.textContent = text;
  }
}

// What just appeared gets the focus and the tab's title, unless someone is typing.
let shown = null;

function isTyping() {
  const at = document.activeElement;
  return at !== null && at.matches("input:not([type=radio]), textarea, select");
}

// In a field for an amount no letter means anything, so there a key of one letter is still a key.
function takesLetters() {
  return isTyping() && !document.activeElement.matches("[inputmode=decimal]");
}

// A machine somebody waits for has come free: its button is the next step.
let isAwaited = document.querySelector("#wait [disabled]") !== null;

function revive() {
  const button = document.querySelector("#wait button:not([disabled])");
  if (button === null || !isAwaited) return;
  isAwaited = false;
  if (!isTyping()) button.focus();
}

function settle() {
  tick();
  revive();
  const panel = document.querySelector("#panel [data-state]");
  if (panel === null) return;
  document.title = panel.dataset.title;
  if (panel.dataset.state === shown) return;
  const isFirst = shown === null;
  shown = panel.dataset.state;
  const note = document.getElementById("note");
  if (!isFirst && note !== null) note.textContent = "";
  if (!isTyping()) document.querySelector("#panel [data-focus]")?.focus();
}

// One press is one form: the second would be the same payment anyway, by its attempt id.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter?.matches("[data-busy]") ? event.submitter : form.querySelector("button[data-busy]");
  if (form.dataset.once !== undefined && form.dataset.sent !== undefined) {
    event.preventDefault();
    return;
  }
  if (form.dataset.once === undefined || button === null) return;
  form.dataset.sent = "";
  button.setAttribute("aria-disabled", "true");
  button.textContent = `${button.dataset.busy}…`;
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // brought back from the browser's memory: what it shows may be old
});

// Keys: / search, F2 machine, F3 UPI QR, F4 code, F6 cash, F7 split, F8 ask a UPI id, N new bill, Enter the one next step, Esc stop waiting.
function focusMachine() {
  const machine = document.querySelector("input[name=terminal]:checked") ?? document.querySelector("input[name=terminal]");
  machine?.focus();
  return machine !== null;
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const next = document.querySelector("#panel [data-focus], .right .primary, .left .primary");
  switch (event.key) {
    case "F2":
      if (!focusMachine()) return;
      break;
    case "F3":
    case "F4":
    case "F7": {
      const code = document.querySelector(`[data-key="${event.key}"]`);
      if (code === null) return;
      code.click();
      break;
    }
    case "F6":
    case "F8": {
      const asking = document.querySelector(`[data-key="${event.key}"]`);
      if (asking === null) return;
      asking.open = true;
      (asking.querySelector("input") ?? asking.querySelector("summary")).focus();
      break;
    }
    case "Escape": {
      if (isTyping()) {
        document.activeElement.blur();
        break;
      }
      const stop = document.querySelector("[data-cancel]");
      if (stop === null) return;
      stop.requestSubmit();
      break;
    }
    case "/":
      if (takesLetters()) return;
      document.getElementById("q")?.focus();
      break;
    case "n":
    case "N":
      if (takesLetters()) return;
      document.querySelector('[data-key="n"]')?.click();
      break;
    case "Enter": {
      const own = document.querySelector(`[data-enter="${document.activeElement?.id}"]`); // a field with its own button
      if (own !== null) {
        own.click();
        break;
      }
      if (document.activeElement !== document.body && !document.activeElement?.matches("input[type=radio]")) return;
      if (next === null) return;
      next.click();
      break;
    }
    default:
      return;
  }
  event.preventDefault();
}

// Money as people type it, in whole paise.
function paise(text) {
  const plain = text.replace(/[₹,\s]/g, "");
  if (!/^\d{1,10}(\.\d{1,2})?$/.test(plain)) return null;
  const [whole, part = ""] = plain.split(".");
  return Number.parseInt(whole + part.padEnd(2, "0"), 10);
}

function rupees(amount) {
  const part = amount % 100;
  const whole = (amount - part) / 100; // exact: a whole number of rupees
  return `₹${whole.toLocaleString("en-IN")}.${String(part).padStart(2, "0")}`;
}

// The new bill: a fresh line when the last one is used. What the bill comes to is the server's to say.
function extend(form) {
  const rows = [...form.querySelectorAll("[data-lines] tbody tr")].filter((row) => row.querySelector("[name=price]"));
  const last = rows[rows.length - 1];
  if (last === undefined || rows.length >= 50) return;
  if (![...last.querySelectorAll("input")].some((field) => field.value !== "")) return;
  const fresh = last.cloneNode(true);
  for (const field of fresh.querySelectorAll("input")) {
    field.value = "";
    field.setAttribute("aria-label", field.getAttribute("aria-label").replace(String(rows.length), String(rows.length + 1)));
  }
  last.after(fresh);
}

document.addEventListener("input", (event) => {
  const form = event.target.closest(".new-bill");
  if (form !== null) extend(form);
});
document.addEventListener("keydown", press);
document.addEventListener("htmx:after:swap", settle);
document.addEventListener("htmx:sse:after:message", settle);
document.addEventListener("htmx:sse:error", (event) => {
  if (event.detail.status === 401) location.assign("/sign-in");
});
document.addEventListener("galla:signed-out", () => location.assign("/sign-in"));
setInterval(tick, 250);
settle();
document.querySelector("#panel [data-focus], .nothing-due [data-focus], .fault [data-focus], [data-found] .row")?.focus();
