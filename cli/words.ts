/** Times and sizes as people read them. */

export const clock = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 19);

/** `3 s`, `12 min`, `5 h`, `3 d`. */
export function ago(ms: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
