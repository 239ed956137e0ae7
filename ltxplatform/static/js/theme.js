// data-theme-set="system|light|dark" changes the theme at once. The address in data-theme-save keeps it for whoever is
// signed in, a cookie for visitors: the server reads them, so the next page arrives in the right colours.
const YEAR = 31536000;

function mark(theme) {
  for (const button of document.querySelectorAll("[data-theme-set]"))
    button.setAttribute("aria-pressed", String(button.dataset.themeSet === theme));
}

// keepalive: a click on a link right after it must not undo the choice.
function save(address, theme) {
  const token = JSON.parse(document.body.getAttribute("hx-headers"));
  fetch(address, { method: "POST", headers: token, body: new URLSearchParams({ theme }), keepalive: true });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-set]");
  if (!button) return;
  const theme = button.dataset.themeSet;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
  document.documentElement.dataset.theme = theme;
  mark(theme);
  const address = button.closest("[data-theme-save]")?.dataset.themeSave;
  if (address) save(address, theme);
});
