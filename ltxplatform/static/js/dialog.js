// data-dialog-open="ID" opens that <dialog>, data-dialog-close closes the one around it,
// and a press on the backdrop closes too. The browser gives the focus back.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog-open]");
  if (opener) {
    event.preventDefault();
    document.getElementById(opener.dataset.dialogOpen)?.showModal();
  } else if (event.target.closest("[data-dialog-close]")) {
    event.target.closest("dialog")?.close();
  }
});

// Only a press that starts and ends on the backdrop: selecting text may end outside.
let pressed = null;
document.addEventListener("pointerdown", (event) => {
  pressed = event.target;
});
document.addEventListener("pointerup", (event) => {
  const dialog = event.target;
  if (dialog !== pressed || dialog.tagName !== "DIALOG") return;
  const box = dialog.getBoundingClientRect();
  const inside =
    event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside) dialog.close();
});
