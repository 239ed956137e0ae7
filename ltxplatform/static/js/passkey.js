// Passkeys: a form with data-passkey="create" or "get" asks the browser for one before it is sent.
// The server's options stand in data-options, or come from the address in data-options-url.

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));

const text = (buffer) =>
  buffer &&
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

const descriptors = (list) => (list ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

async function create({ publicKey }, alone) {
  const selection = { ...publicKey.authenticatorSelection };
  if (alone !== null) {
    selection.residentKey = alone ? "required" : "discouraged";
    selection.requireResidentKey = alone;
    if (alone) selection.userVerification = "required";
  }
  const made = await navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      user: { ...publicKey.user, id: bytes(publicKey.user.id) },
      excludeCredentials: descriptors(publicKey.excludeCredentials),
      authenticatorSelection: selection,
    },
  });
  return answer(made, {
    clientDataJSON: text(made.response.clientDataJSON),
    attestationObject: text(made.response.attestationObject),
    transports: made.response.getTransports?.() ?? [],
  });
}

async function get({ publicKey }) {
  const shown = await navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      allowCredentials: descriptors(publicKey.allowCredentials),
    },
  });
  return answer(shown, {
    clientDataJSON: text(shown.response.clientDataJSON),
    authenticatorData: text(shown.response.authenticatorData),
    signature: text(shown.response.signature),
    userHandle: text(shown.response.userHandle),
  });
}

const answer = (credential, response) => ({
  id: credential.id,
  rawId: text(credential.rawId),
  type: credential.type,
  authenticatorAttachment: credential.authenticatorAttachment ?? null,
  clientExtensionResults: credential.getClientExtensionResults(),
  response,
});

async function options(form) {
  if (form.dataset.options) return JSON.parse(form.dataset.options);
  const response = await fetch(form.dataset.optionsUrl, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error("no options");
  return (await response.json()).request_options;
}

function excuse(error) {
  if (!window.PublicKeyCredential) return "This browser has no passkeys. Use another way.";
  if (error.name === "SecurityError")
    return "Passkeys work over HTTPS and under the site's own name. On your own machine, open it as localhost.";
  if (error.name === "InvalidStateError") return "This device has a passkey for your account already.";
  if (error.name === "NotAllowedError") return "No passkey was used. Try again, or use another way.";
  return "That did not work. Try again, or use another way.";
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.passkey) return;
  event.preventDefault();
  const note = form.querySelector("[data-passkey-note]");
  note.hidden = true;
  try {
    const alone = form.elements.passwordless;
    const given = await options(form);
    const credential =
      form.dataset.passkey === "create" ? await create(given, alone ? alone.checked : null) : await get(given);
    form.elements.credential.value = JSON.stringify(credential);
    form.submit(); // sends without asking again
  } catch (error) {
    note.textContent = excuse(error);
    note.hidden = false;
    event.submitter?.removeAttribute("aria-busy");
  }
});
