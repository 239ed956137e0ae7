// Offers the browser's time zone beside the list of zones, unless it is the one that is chosen already.
for (const offer of document.querySelectorAll("[data-zone-offer]")) {
  const list = document.getElementById(offer.dataset.zoneOffer);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = list && [...list.options].some((option) => option.value === zone);
  if (!known || list.value === zone) continue;
  offer.querySelector("[data-zone-name]").textContent = zone;
  offer.hidden = false;
  offer.querySelector("[data-zone-use]").addEventListener("click", () => {
    list.value = zone;
    list.dispatchEvent(new Event("input", { bubbles: true }));
    offer.hidden = true;
    list.focus();
  });
}
