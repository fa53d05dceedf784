// Cash and parts: shows the change and the rest while someone types. The server counts both anew; this only looks ahead.
"use strict";

function lookAhead(form) {
  const amount = paise(form.querySelector("#amount")?.value ?? "");
  const received = paise(form.querySelector("#tendered")?.value ?? "");
  const change = form.querySelector("[data-change]");
  if (change !== null) {
    if (amount === null || received === null) change.textContent = "";
    else if (received < amount) change.textContent = `${rupees(amount - received)} is missing`;
    else change.textContent = `Change ${rupees(received - amount)}`;
  }
  const rest = form.querySelector("[data-rest]");
  if (rest !== null) {
    const free = Number.parseInt(rest.dataset.rest, 10);
    rest.textContent = amount !== null && amount < free ? `Rest after this part: ${rupees(free - amount)}` : "";
  }
}

document.addEventListener("input", (event) => {
  const form = event.target.closest(".sale");
  if (form !== null) lookAhead(form);
});
const sale = document.querySelector(".sale");
if (sale !== null) lookAhead(sale);
