// The popover attribute opens and closes a menu; this adds the arrow keys.
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".menu:popover-open") ?? opened(event.target);
  if (!menu || !(event.key in STEPS || event.key === "Home" || event.key === "End")) return;
  const items = [...menu.querySelectorAll("a, button")].filter((item) => item.checkVisibility());
  if (!items.length) return;
  event.preventDefault();
  const at = items.indexOf(document.activeElement);
  if (event.key === "Home") items[0].focus();
  else if (event.key === "End") items.at(-1).focus();
  else items.at(at < 0 && STEPS[event.key] < 0 ? -1 : (at + STEPS[event.key]) % items.length).focus();
});

function opened(element) {
  const menu = element.closest?.("[popovertarget]")?.popoverTargetElement;
  return menu?.matches(".menu:popover-open") ? menu : null;
}
