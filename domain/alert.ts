/** One failure alert, whoever sent it, in at most 4 KB. */
export interface Alert {
  /** Same alert, same fingerprint: repeated sending merges. */
  readonly fingerprint: string;
  readonly source: AlertSource;
  readonly job: string;
  readonly cluster: string;
  /** Flink's job id, when the sender knew it. */
  readonly run: string | null;
  readonly summary: string;
  /** Epoch milliseconds at which the sender says it began. */
  readonly startedAt: number;
  /** Allow-listed labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** Link back to the sender. */
  readonly link: string | null;
}

export type AlertSource = 'alertmanager' | 'grafana' | 'pagerduty' | 'cloudevents' | 'api' | 'watch' | 'cli';

/** "Resolved" is information: cases end by proofs, not by silence. */
export interface AlertResolved {
  readonly fingerprint: string;
  readonly source: AlertSource;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Alerts of one case, merged by fingerprint. */
export interface SeenAlert {
  readonly alert: Alert;
  readonly count: number;
  /** Epoch milliseconds. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly resolvedAt: number | null;
}

/** How many different alerts one case remembers; later ones are only counted. */
const MOST = 32;

/** Merges a raised alert: the same fingerprint and start again only counts. */
export function mergeAlert(seen: readonly SeenAlert[], alert: Alert, now: number): readonly SeenAlert[] {
  const known = seen.findIndex(
    (s) => s.alert.fingerprint === alert.fingerprint && s.alert.startedAt === alert.startedAt,
  );
  if (known >= 0) {
    return seen.map((s, i) =>
      i === known ? { ...s, count: s.count + 1, lastSeen: now, resolvedAt: null } : s,
    );
  }
  const entry: SeenAlert = { alert, count: 1, firstSeen: now, lastSeen: now, resolvedAt: null };
  return seen.length < MOST ? [...seen, entry] : seen;
}

/** Marks all alerts of a fingerprint resolved. */
export function resolveAlert(seen: readonly SeenAlert[], resolved: AlertResolved): readonly SeenAlert[] {
  return seen.map((s) =>
    s.alert.fingerprint === resolved.fingerprint ? { ...s, resolvedAt: resolved.at } : s,
  );
}
