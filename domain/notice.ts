/**
 * Notices: what people are told without anything being recovered (design, 8 and 10). A notice is raised once for an
 * episode, and told to be over when it is.
 */
export type Severity = 'info' | 'warning' | 'critical';

/** Most urgent last. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const satisfies readonly Severity[];

export const atLeast = (severity: Severity, from: Severity): boolean =>
  SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(from);

/** Every kind of notice: how urgent it is, and what a person can do about it. */
export const NOTICES = {
  CheckpointsFailing: {
    severity: 'warning',
    person: 'Look at the failure that is named: storage, a slow task, a time-out. The job is left running.',
  },
  CheckpointOverdue: {
    severity: 'warning',
    person: 'Look for back-pressure or a stuck task. What is processed since would be processed again.',
  },
  RetentionNear: {
    severity: 'critical',
    person:
      'Lengthen the retention of the topic now, or get a checkpoint completed: records that are needed expire.',
  },
  SameJobTwice: {
    severity: 'critical',
    person: 'Find out who started the second run and stop the wrong one, with a savepoint if in doubt.',
  },
  RestartLoop: {
    severity: 'warning',
    person: 'Look at the first fault: Flink restarts the job over and over.',
  },
  NotRetained: {
    severity: 'critical',
    person:
      'Set execution.checkpointing.externalized-checkpoint-retention to RETAIN_ON_CANCELLATION: without it there may be nothing to restore.',
  },
  NoHighAvailability: {
    severity: 'critical',
    person: 'Set up high-availability with ZooKeeper: without it a lost JobManager takes the job with it.',
  },
  NeverCheckpointed: {
    severity: 'critical',
    person: 'Turn checkpoints on, or find out why none completes: this job cannot be recovered.',
  },
  FlinkToleratesLess: {
    severity: 'info',
    person:
      'Set execution.checkpointing.tolerable-failed-checkpoints to at least tolerateFailedCheckpoints, or failing checkpoints restart the job.',
  },
  CaseOpened: { severity: 'warning', person: 'Follow the case: holdfast status <job> --watch' },
  CaseAsks: { severity: 'critical', person: 'Answer the question of the case.' },
  CaseAborted: {
    severity: 'critical',
    person: 'Nothing more is tried and everything is kept: resume the case, or close it.',
  },
  CaseResumed: { severity: 'warning', person: 'Nothing: the restored run is proved.' },
  CaseResumedWithGap: {
    severity: 'critical',
    person:
      'The job runs, but records were skipped: the case says which. Decide whether they must be processed again.',
  },
  CaseOver: { severity: 'warning', person: 'Nothing: the case is over.' },
} as const satisfies Record<string, { readonly severity: Severity; readonly person: string }>;

export type NoticeKind = keyof typeof NOTICES;

export interface Notice {
  readonly kind: NoticeKind;
  readonly severity: Severity;
  /** `over`: what was raised under this key has ended. */
  readonly state: 'raised' | 'over';
  /** The same episode has the same key: receivers may merge by it. */
  readonly key: string;
  /** Keys of what is over by this one. */
  readonly ends: readonly string[];
  readonly cluster: string;
  readonly job: string;
  /** What was seen, at most 500 characters. */
  readonly summary: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Workflow id of the case; null for a notice of the watch. */
  readonly workflowId: string | null;
}

/** What one look says of one kind of notice. `unknown` changes nothing: not asked is not over. */
export type Finding =
  { readonly is: 'yes'; readonly summary: string } | { readonly is: 'no' } | { readonly is: 'unknown' };

/** An episode that lasts. */
export interface OpenNotice {
  readonly kind: NoticeKind;
  /** Epoch milliseconds of the look that raised it. */
  readonly since: number;
  /** As it was last seen. */
  readonly summary: string;
}

export type NoticeChange = OpenNotice & { readonly state: Notice['state'] };

/** The episodes after a look, and which of them it began or ended. */
export function episodesAfter(
  open: readonly OpenNotice[],
  findings: Partial<Readonly<Record<NoticeKind, Finding>>>,
  at: number,
): { readonly open: readonly OpenNotice[]; readonly changes: readonly NoticeChange[] } {
  const still: OpenNotice[] = [];
  const changes: NoticeChange[] = [];
  for (const kind of Object.keys(NOTICES) as NoticeKind[]) {
    const before = open.find((o) => o.kind === kind);
    const found = findings[kind] ?? { is: 'unknown' };
    if (found.is === 'yes') {
      const now: OpenNotice = { kind, since: before?.since ?? at, summary: found.summary.slice(0, 500) };
      still.push(now);
      if (before === undefined) changes.push({ ...now, state: 'raised' });
    } else if (before !== undefined) {
      if (found.is === 'unknown') still.push(before);
      else changes.push({ ...before, state: 'over' });
    }
  }
  return { open: still, changes };
}
