// Requests to the server. Every refusal becomes an `ApiError` with the faults that it names.

export class ApiError extends Error {
  /** faults: [{field, reason, code}]. status: of HTTP, 0 where no answer came. present: of a
   * conflict, the version of the category now; null if it is not registered any more. */
  constructor(faults, status, present = null) {
    super(faults.map(({ field, reason }) => (field ? `${field}: ${reason}` : reason)).join("; "));
    this.faults = faults;
    this.status = status;
    this.present = present;
  }
}

const SILENT = [{ field: "", reason: "the node does not answer; is it running?" }];

async function request(method, path, body, type) {
  const headers = type ? { "Content-Type": type } : {};
  let response;
  try {
    response = await fetch(`api/${path}`, { method, headers, body });
  } catch {
    throw new ApiError(SILENT, 0);
  }
  if (response.ok) return response;
  throw refusal(response.status, await response.json().catch(() => null));
}

function refusal(status, answer) {
  const faults = answer?.faults ?? [{ field: "", reason: `the node answered ${status}` }];
  return new ApiError(faults, status, answer?.present_version);
}

/** `fetch` does not say how much of a body is sent. */
function upload(path, blob, onProgress = () => {}) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", `api/${path}`);
    sending.setRequestHeader("Content-Type", blob.type || "application/octet-stream");
    sending.responseType = "json";
    sending.upload.addEventListener("progress", ({ loaded }) => onProgress(loaded));
    sending.addEventListener("load", () => {
      const { status, response } = sending;
      if (status >= 200 && status < 300) resolve(response);
      else reject(refusal(status, response));
    });
    sending.addEventListener("error", () => reject(new ApiError(SILENT, 0)));
    sending.send(blob);
  });
}

const json = async (response) => (await response).json();

export const api = {
  get: (path) => json(request("GET", path)),
  blob: async (path) => (await request("GET", path)).blob(),
  post: (path, content) => json(request("POST", path, JSON.stringify(content), "application/json")),
  put: (path, content) => json(request("PUT", path, JSON.stringify(content), "application/json")),
  patch: (path, content) => json(request("PATCH", path, JSON.stringify(content), "application/json")),
  remove: (path) => request("DELETE", path),
  /** Sends a file as it is. onProgress(sent): bytes so far. */
  upload,
};

/** A name as part of an address. */
export const part = encodeURIComponent;
