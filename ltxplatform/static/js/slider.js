// Inside [data-slider] the range and the number field show one value. The number field is the
// one that is sent: without scripts it stands alone.
document.addEventListener("input", (event) => {
  const slider = event.target.closest?.("[data-slider]");
  if (!slider) return;
  const twin = slider.querySelector(event.target.type === "range" ? "input[type=number]" : "input[type=range]");
  if (!twin || !event.isTrusted) return;
  twin.value = event.target.value;
  // Whoever listens to the field that is sent hears about it as if it had been typed in.
  if (event.target.type === "range") twin.dispatchEvent(new Event("input", { bubbles: true }));
});

document.addEventListener("change", (event) => {
  if (event.target.type !== "range" || !event.target.closest("[data-slider]")) return;
  const twin = event.target.closest("[data-slider]").querySelector("input[type=number]");
  twin?.dispatchEvent(new Event("change", { bubbles: true }));
});
