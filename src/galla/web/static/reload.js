// No room for another live stream: the page then loads itself again now and then, as it does without scripts.
"use strict";

const NO_ROOM = [429, 503];
let again = null;

function loadAgain(event) {
  const status = event.detail.status ?? event.detail.ctx?.response?.status;
  if (again !== null || !NO_ROOM.includes(status)) return;
  again = setTimeout(() => location.reload(), 7500 + Math.random() * 5000); // not all at once
}

document.addEventListener("htmx:response:error", loadAgain);
document.addEventListener("htmx:sse:error", loadAgain);
