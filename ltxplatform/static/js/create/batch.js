// The batch form: chosen pictures are added at once, and a table from a file can be read before it is sent.
import "./length.js";
import "./loras.js";
import "./picture.js";
import "./quality.js";

document.addEventListener("change", async (event) => {
  const field = event.target;
  if (field.dataset?.submitWith && field.files.length) document.getElementById(field.dataset.submitWith).click();
  if (field.dataset?.into && field.files.length) {
    const text = document.getElementById(field.dataset.into);
    text.value = await field.files[0].text();
    field.value = "";
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }
});
