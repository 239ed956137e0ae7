// Usual lengths fill the number of frames, and a typed number goes to the model's grid of 8n + 1.
function set(field, frames) {
  field.value = frames;
  const range = field.closest("[data-slider]")?.querySelector("input[type=range]");
  if (range) range.value = frames;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function snap(field) {
  const { min, max, grid } = { min: Number(field.min), max: Number(field.max), grid: Number(field.dataset.grid) };
  const frames = Math.round((Number(field.value) - min) / grid) * grid + min;
  return Math.min(Math.max(frames, min), max);
}

document.addEventListener("click", (event) => {
  const length = event.target.closest("[data-frames]");
  if (length) set(document.getElementById("create-num_frames"), length.dataset.frames);
});

document.addEventListener("change", (event) => {
  if (!event.target.dataset?.grid || event.target.value === "") return;
  if (snap(event.target) !== Number(event.target.value)) set(event.target, snap(event.target));
});
