// Cash and parts: shows the change and the rest while someone types. The server counts both anew; this only looks ahead.
"use strict";

function lookAhead(form) {
  const amount = paise(form.querySelector("#amount")?.value ?? "");
  const received = paise(form.querySelector("#tendered")?.value ?? "");
  const change = form.querySelector("[data-change]");
  if (change !== null) {
    if (amount === null || received === null) change.textContent = "";
    else if (received < amount) change.textContent = change.dataset.wordMissing.replace("{amount}", rupees(amount - received));
    else change.textContent = change.dataset.wordChange.replace("{amount}", rupees(received - amount));
  }
  const rest = form.querySelector("[data-rest]");
  if (rest !== null) {
    const free = Number.parseInt(rest.dataset.rest, 10);
    rest.textContent = amount !== null && amount < free ? rest.dataset.wordRest.replace("{amount}", rupees(free - amount)) : "";
  }
}

document.addEventListener("input", (event) => {
  const form = event.target.closest(".sale");
  if (form !== null) lookAhead(form);
});
const sale = document.querySelector(".sale");
if (sale !== null) lookAhead(sale);
