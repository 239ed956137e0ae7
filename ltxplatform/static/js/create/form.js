// The form stays on the page after a clip was put in line; errors bring it back with their sentences.
import { toast } from "../toast.js";

// A double click's second press arrives when the first clip is already in line: it must not order another. Whoever has
// changed something since then wants another clip.
const SETTLE = 1000;
const IN_LINE = "Your clip is in line";
let acceptedAt = -SETTLE;

const form = () => document.getElementById("create-form");
// The server's sentences are the same with and without scripts; the browser's own would hide them.
const takeOver = () => form()?.setAttribute("novalidate", "");

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target === form() && event.timeStamp - acceptedAt < SETTLE) event.preventDefault();
});

document.addEventListener("input", (event) => {
  if (form()?.contains(event.target)) acceptedAt = -SETTLE;
});

document.addEventListener("clip-accepted", (event) => {
  acceptedAt = event.timeStamp;
  for (const error of form().querySelectorAll(".error, .banner.bad")) error.hidden = true;
  for (const field of form().querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  const told = [...document.querySelectorAll("#toasts .toast")].some((item) => item.textContent.includes(IN_LINE));
  if (!told) toast(IN_LINE, "good");
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id !== "workbench") return;
  takeOver();
  const wrong = form().querySelector("[aria-invalid='true'], .field-error:not([hidden])");
  if (wrong instanceof HTMLInputElement || wrong instanceof HTMLTextAreaElement) wrong.focus();
  wrong?.scrollIntoView({ block: "center" });
});

document.addEventListener("htmx:sendError", (event) => {
  if (event.target === form()) toast("The server could not be reached. Nothing was sent; try again.", "bad");
});
document.addEventListener("htmx:responseError", (event) => {
  if (event.target === form()) toast("Something went wrong on our side. Try again.", "bad");
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !form()?.contains(event.target)) return;
  event.preventDefault();
  form().requestSubmit();
});

takeOver();
