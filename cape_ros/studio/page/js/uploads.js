// Files on their way to the server, with a sign of how far they are.

import { api, ApiError } from "./api.js";
import { attempt, progress } from "./messages.js";

/** Sends a file and shows how much of it is sent; undefined if it is refused, which is said. */
export async function sendFile(path, file, blob = file) {
  const name = file.name;
  const shown = progress(`Uploading ${name}: ${size(blob.size)} …`);
  const tell = (sent) => shown.say(sent < blob.size ? `Uploading ${name}: ${size(sent)} of ${size(blob.size)} …` : `Reading ${name} …`);
  try {
    return await attempt(name, async () => {
      await checkReadable(blob);
      return api.upload(path, blob, tell);
    });
  } finally {
    shown.end();
  }
}

/** What a browser cannot read looks like a network that is gone once it is being sent. */
async function checkReadable(blob) {
  try {
    await blob.slice(0, 1).arrayBuffer();
  } catch {
    const reason = "it is a folder, or it was changed or removed since it was chosen";
    throw new ApiError([{ field: "", reason: `cannot be read: ${reason}` }], 0);
  }
}

/** A number of bytes, such as `460 kB`. */
export function size(bytes) {
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}
