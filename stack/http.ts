/** One JSON answer, or a throw: not reached, no 2xx, no JSON, or not within `timeout` milliseconds [2000]. */
export async function getJson(url: string, timeout = 2000): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeout) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as unknown;
}
