// Opens the browser's print dialogue: at once for a fresh copy, and on the button.
"use strict";

document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
if (location.hash === "#print") {
  history.replaceState(null, "", location.pathname + location.search); // a reload prints nothing
  window.print();
}
