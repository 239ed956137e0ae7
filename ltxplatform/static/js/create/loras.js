// LoRA rows: the empty ones wait out of sight until one more is wanted, and removing a row empties it.
const rows = (box) => [...box.querySelectorAll(".lora")];

function add(box) {
  const next = rows(box).find((row) => row.classList.contains("spare"));
  next.classList.remove("spare");
  next.querySelector("input").focus();
  refresh(box);
}

function remove(row) {
  const box = row.closest("[data-loras]");
  for (const input of row.querySelectorAll("input")) {
    input.value = "";
    input.removeAttribute("aria-invalid");
  }
  row.classList.add("spare");
  // Behind the others, so that a new one appears at the end.
  rows(box).at(-1).after(row);
  refresh(box);
  box.querySelector("[data-lora-add]").focus();
}

function refresh(box) {
  box.querySelector("[data-lora-add]").disabled = !box.querySelector(".lora.spare");
}

document.addEventListener("click", (event) => {
  const adding = event.target.closest("[data-lora-add]");
  const removing = event.target.closest("[data-lora-remove]");
  if (adding) add(adding.closest("[data-loras]"));
  else if (removing) remove(removing.closest(".lora"));
});
