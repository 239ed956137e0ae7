// Dropped and pasted pictures go into the file field, whose change htmx sends at once; this shows how far it is.
const TYPES = /^image\//;
const place = () => document.querySelector("[data-drop-zone]");
const input = () => document.getElementById("create-file");
let last = null;

function choose(file) {
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input().files = transfer.files;
  input().dispatchEvent(new Event("change", { bubbles: true }));
}

const pictureIn = (data) => [...(data?.files ?? [])].find((file) => TYPES.test(file.type)) ?? data?.files?.[0];

document.addEventListener("dragover", (event) => {
  if (!place() || !event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  place().querySelector(".drop")?.setAttribute("data-over", "");
  place().setAttribute("data-over", "");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) leave();
});
document.addEventListener("drop", (event) => {
  if (!place() || !event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  leave();
  const file = pictureIn(event.dataTransfer);
  if (file) choose(file);
});
document.addEventListener("paste", (event) => {
  const file = place() && pictureIn(event.clipboardData);
  if (!file) return;
  event.preventDefault();
  choose(file);
});

function leave() {
  for (const zone of document.querySelectorAll("[data-over]")) zone.removeAttribute("data-over");
}

function showUpload(on) {
  const box = place().querySelector("[data-uploading]");
  box.hidden = !on;
  box.querySelector("progress").removeAttribute("value");
  box.querySelector("output").textContent = "";
}

function showFailure() {
  showUpload(false);
  const error = document.getElementById("picture-error");
  error.hidden = false;
  error.querySelector("[data-upload-error]").textContent = "The upload failed.";
  error.querySelector("[data-upload-retry]").hidden = false;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id !== "create-file") return;
  // Emptying the field is a change too, and nothing to send.
  if (!event.target.files.length) return event.preventDefault();
  last = event.target.files[0];
  document.getElementById("picture-error").hidden = true;
  showUpload(true);
});
document.addEventListener("htmx:xhr:progress", (event) => {
  if (event.target.id !== "create-file" || !event.detail.lengthComputable) return;
  const percent = Math.round((100 * event.detail.loaded) / event.detail.total);
  const box = place().querySelector("[data-uploading]");
  box.querySelector("progress").value = percent;
  box.querySelector("output").textContent = `${percent} %`;
});
for (const failure of ["htmx:sendError", "htmx:responseError"])
  document.addEventListener(failure, (event) => {
    if (event.target.id === "create-file") showFailure();
  });
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-upload-retry]") && last) choose(last);
});

// Enter in the field for an address fetches the picture; it must not order the clip.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.id !== "create-address") return;
  event.preventDefault();
  document.getElementById("create-fetch").click();
});
