// A quality fills both step counts; changing a count by hand makes it custom, or the quality it now equals.
const PRESETS = { fast: ["6", "6"], balanced: ["8", "8"], high: ["12", "12"] };
const STEPS = ["first_pass_num_inference_steps", "second_pass_num_inference_steps"];
const steps = () => STEPS.map((name) => document.getElementById(`create-${name}`));

function fill(values) {
  steps().forEach((field, place) => {
    field.value = values[place];
    const range = field.closest("[data-slider]")?.querySelector("input[type=range]");
    if (range) range.value = values[place];
  });
}

function name() {
  const values = steps().map((field) => field.value);
  return Object.keys(PRESETS).find((key) => PRESETS[key].every((value, place) => value === values[place])) ?? "custom";
}

document.addEventListener("input", (event) => {
  if (event.target.name === "quality" && PRESETS[event.target.value]) fill(PRESETS[event.target.value]);
  else if (STEPS.includes(event.target.name))
    document.querySelector(`#create-form input[name="quality"][value="${name()}"]`).checked = true;
});
