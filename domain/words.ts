/** Times, sizes and messages as people read them. Times are epoch milliseconds and said in UTC. */

/** `2026-01-01 10:00:00` */
export const clock = (at: number): string => new Date(at).toISOString().replace('T', ' ').slice(0, 19);

/** `10:00:00` */
export const timeOfDay = (at: number): string => clock(at).slice(11);

/** `40 s`, `12 min`, `5 h`, `3 d`. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** `512 B`, `7.0 KB`, `1.2 GB`. */
export function size(bytes: number): string {
  const units = ['KB', 'MB', 'GB', 'TB'];
  if (bytes < 1_000) return `${bytes} B`;
  let value = bytes / 1_000;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** A message of any length as one line of a page. */
export const oneLine = (text: string): string => text.replaceAll('\n', ' ').slice(0, 300);
