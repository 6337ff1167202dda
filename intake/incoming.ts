/** What an alert sender told us, before it is known which job it is about. */
import type { Alert, AlertSource } from '../domain/alert.js';

export interface Incoming {
  readonly source: AlertSource;
  readonly fingerprint: string;
  readonly summary: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Epoch milliseconds at which the sender says it was over; null: it fires. */
  readonly resolvedAt: number | null;
  /** Everything the sender said by name; only allow-listed ones go further. */
  readonly labels: Readonly<Record<string, string>>;
  readonly link: string | null;
}

/** One body: the alerts in it, and what is wrong with those that can never be accepted. */
export interface Parsed {
  readonly alerts: readonly Incoming[];
  readonly malformed: readonly string[];
  /** Well-formed parts that are no alerts, for example a ping. */
  readonly ignored: number;
}

/** Labels that may go into a case; those that the configuration matches by are added. */
const ALLOWED = [
  'alertname',
  'severity',
  'job_id',
  'job_name',
  'job',
  'cluster',
  'flink_cluster',
  'namespace',
  'environment',
  'team',
  'service',
  'instance',
  'host',
  'incident_key',
];

const LABEL_CHARACTERS = 200;
const SUMMARY_CHARACTERS = 300;
const LINK_CHARACTERS = 500;
/** JSON bytes of a whole alert. */
export const ALERT_BYTES = 4096;

/** The domain's alert about a job, in at most 4 KB of allow-listed fields. */
export function toAlert(
  incoming: Incoming,
  about: { readonly job: string; readonly cluster: string; readonly run: string | null },
  matchedBy: readonly string[] = [],
): Alert {
  const names = [...new Set([...matchedBy, ...ALLOWED])];
  const labels = names.flatMap((name): [string, string][] => {
    const value = Object.hasOwn(incoming.labels, name) ? incoming.labels[name] : undefined;
    return value === undefined ? [] : [[name, clip(value, LABEL_CHARACTERS)]];
  });
  const alert = (kept: readonly [string, string][]): Alert => ({
    fingerprint: clip(incoming.fingerprint, LABEL_CHARACTERS),
    source: incoming.source,
    job: about.job,
    cluster: about.cluster,
    run: about.run,
    summary: clip(incoming.summary, SUMMARY_CHARACTERS),
    startedAt: incoming.startedAt,
    labels: Object.fromEntries(kept),
    link: incoming.link,
  });
  let kept = labels;
  while (kept.length > 0 && Buffer.byteLength(JSON.stringify(alert(kept))) > ALERT_BYTES)
    kept = kept.slice(0, -1);
  return alert(kept);
}

/** At most so many characters, without control characters: they end up in logs and on terminals. */
export function clip(text: string, characters: number): string {
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  return plain.length > characters ? `${plain.slice(0, characters - 1)}…` : plain;
}

/** A link back to the sender: http or https, without credentials; else null. */
export function linkOf(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > LINK_CHARACTERS || !URL.canParse(value)) return null;
  const url = new URL(value);
  return /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' ? url.href : null;
}

export type Tree = Readonly<Record<string, unknown>>;
export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : null;

/** Epoch milliseconds of an ISO time or a number of milliseconds; null when it is neither, or Go's zero time. */
export function timeOf(value: unknown): number | null {
  const ms = typeof value === 'number' ? value : typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isFinite(ms) && ms > 0 && ms < 8.64e15 ? Math.trunc(ms) : null;
}

/** The string-like fields of an object, as labels. */
export const labelsOf = (value: unknown): Readonly<Record<string, string>> =>
  isTree(value)
    ? Object.fromEntries(
        Object.entries(value)
          .slice(0, 200)
          .flatMap(([key, v]): [string, string][] => {
            const text = textOf(v);
            return text === null ? [] : [[key, text]];
          }),
      )
    : {};
