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

async function request(method, path, body, type) {
  const headers = type ? { "Content-Type": type } : {};
  let response;
  try {
    response = await fetch(`api/${path}`, { method, headers, body });
  } catch {
    throw new ApiError([{ field: "", reason: "the node does not answer; is it running?" }], 0);
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => null);
  const faults = answer?.faults ?? [{ field: "", reason: `the node answered ${response.status}` }];
  throw new ApiError(faults, response.status, answer?.present_version);
}

const json = async (response) => (await response).json();

export const api = {
  get: (path) => json(request("GET", path)),
  blob: async (path) => (await request("GET", path)).blob(),
  post: (path, content) => json(request("POST", path, JSON.stringify(content), "application/json")),
  remove: (path) => request("DELETE", path),
  /** Sends a file as it is. */
  upload: (path, blob) => json(request("POST", path, blob, blob.type || "application/octet-stream")),
};

/** A name as part of an address. */
export const part = encodeURIComponent;
