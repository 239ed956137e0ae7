// data-counter="ID" on a text field keeps "123 / 1,000" up to date in that element.
const number = new Intl.NumberFormat(document.documentElement.lang);

document.addEventListener("input", (event) => {
  const output = document.getElementById(event.target.dataset?.counter);
  if (!output) return;
  const limit = Number(output.dataset.limit);
  // Python counts characters, JavaScript halves of them: spread to count alike.
  const length = [...event.target.value].length;
  output.textContent = limit ? `${number.format(length)} / ${number.format(limit)}` : number.format(length);
  output.toggleAttribute("data-over", limit > 0 && length > limit);
});
