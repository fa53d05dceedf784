// Follows what happens in the sandbox: asks twice a second, changes the page only when there is news.
// Without this file every button still works as a plain form.
"use strict";

const PERIOD_MS = 500;
const lost = document.querySelector("[data-lost]");
const seenSlips = new Set();
const shown = new Map();

function remember(region) {
  const choices = new Map();
  for (const field of region.querySelectorAll("select[id], input[id]")) choices.set(field.id, field.value);
  const focused = region.contains(document.activeElement) ? document.activeElement : null;
  const machine = focused && focused.closest("[data-tid]");
  return { choices, focus: focused && focused.id, tid: machine && machine.dataset.tid };
}

function restore(region, kept) {
  for (const [id, value] of kept.choices) {
    const field = document.getElementById(id);
    if (field) field.value = value;
  }
  if (!kept.focus) return;
  let target = document.getElementById(kept.focus);
  if ((!target || target.disabled) && kept.tid) {
    const machine = region.querySelector(`[data-tid="${CSS.escape(kept.tid)}"]`);
    target = machine && (machine.querySelector("input[id]") || machine.querySelector(".button.main") || machine.querySelector(".button"));
  }
  if (target) target.focus({ preventScroll: true });
}

function feedNewSlips(region, isFirst) {
  for (const slip of region.querySelectorAll("[data-slip]")) {
    const number = slip.dataset.slip;
    if (!isFirst && !seenSlips.has(number)) slip.classList.add("feeding");
    seenSlips.add(number);
  }
}

async function refresh(region) {
  let reply;
  try {
    reply = await fetch(`${region.dataset.live}?since=${region.dataset.version}`, { cache: "no-store" });
  } catch {
    lost.hidden = false;
    return;
  }
  lost.hidden = true;
  const moment = document.querySelector("[data-now]");
  if (moment) moment.textContent = reply.headers.get("x-sandbox-now");
  if (reply.status !== 200) return;
  const html = await reply.text();
  region.dataset.version = reply.headers.get("x-sandbox-version");
  if (shown.get(region) === html) return; // an open list or a half-read line stays as it is
  shown.set(region, html);
  const kept = remember(region);
  region.innerHTML = html;
  restore(region, kept);
  feedNewSlips(region, false);
}

async function press(event) {
  const form = event.target.closest("form[data-live-form]");
  const region = form && form.closest("[data-live]");
  if (!region) return;
  event.preventDefault();
  const button = event.submitter;
  const action = button && button.hasAttribute("formaction") ? button.formAction : form.action;
  const body = new URLSearchParams(new FormData(form));
  try {
    await fetch(action, { method: "POST", body, redirect: "manual" });
  } catch {
    lost.hidden = false;
  }
  await refresh(region);
}

for (const region of document.querySelectorAll("[data-live]")) {
  feedNewSlips(region, true);
  const follow = async () => {
    if (!document.hidden) await refresh(region);
    setTimeout(follow, PERIOD_MS);
  };
  setTimeout(follow, PERIOD_MS);
}
document.addEventListener("submit", press);
