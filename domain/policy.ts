/** What the operator allows for a job. All durations in milliseconds. Defaults: {@link STRICT}. */
export interface Policy {
  /** Recovery attempts in a row before the abort; 0: observe and report only; null: unlimited. */
  readonly attempts: number | null;
  readonly backoff: {
    readonly initial: number;
    readonly factor: number;
    readonly max: number;
    /** Share of the wait that is random, 0 to 1. */
    readonly jitter: number;
  };
  /** How far apart the two full probes are that prove a dependency back. */
  readonly stableFor: number;
  /** From the first alert; looked at between attempts, stands still while people are asked or hold the case. */
  readonly deadline: number;
  readonly onExhausted: 'abort' | 'ask' | 'savepoint';
  /** `stay`: the aborted case stays open as the one case of its job. `fail`: the execution fails at once. */
  readonly afterAbort: 'stay' | 'fail';
  /** Which older point may be taken when the newest is proved broken. */
  readonly fallback: 'never' | 'checkpoint' | 'savepoint';
  /** Null: any age. */
  readonly maxStateAge: number | null;
  readonly onOffsetGap: 'ask' | 'abort' | 'accept';
  readonly onTransactionExpired: 'ask' | 'accept';
  readonly onBlankRun: 'ask' | 'report';
  readonly firstStart: 'ask' | { readonly kafkaFrom: 'earliest' | 'latest' };
  readonly repairs: 'ask' | 'never';
  readonly approval: 'never' | 'always' | 'fallback';
  readonly approvalExpires: number;
  readonly resumeOffsets: 'own group' | 'never';
  /** `probe`: listings, fsck and a sample of 256 files read; `all`: every file read; `list`: listings only; `read`: drills. */
  readonly verify: 'probe' | 'all' | 'list' | 'read';
  /** How far apart two negative answers must be before a point is broken. */
  readonly confirmAfter: number;
  readonly confirm: {
    /** Null: 2 x checkpoint interval + checkpoint timeout of the run. */
    readonly checkpointWithin: number | null;
    /** The user's own check: an argument list, never a shell string; exit code 0 is a proof. */
    readonly check: readonly string[] | null;
  };
  /** Failed checkpoints in a row before a notice. */
  readonly tolerateFailedCheckpoints: number;
  /** In checkpoint intervals. */
  readonly checkpointOverdueAfter: number;
  /** How long the case stays open after `resumed`. */
  readonly soak: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The defaults: nothing that loses or repeats a record happens without a person. */
export const STRICT: Policy = {
  attempts: 10,
  backoff: { initial: 5 * SECOND, factor: 2.5, max: 30 * MINUTE, jitter: 0.2 },
  stableFor: 2 * SECOND,
  deadline: 6 * HOUR,
  onExhausted: 'abort',
  afterAbort: 'stay',
  fallback: 'never',
  maxStateAge: null,
  onOffsetGap: 'ask',
  onTransactionExpired: 'ask',
  onBlankRun: 'ask',
  firstStart: 'ask',
  repairs: 'ask',
  approval: 'never',
  approvalExpires: 30 * MINUTE,
  resumeOffsets: 'own group',
  verify: 'probe',
  confirmAfter: 5 * SECOND,
  confirm: { checkpointWithin: null, check: null },
  tolerateFailedCheckpoints: 5,
  checkpointOverdueAfter: 3,
  soak: 10 * MINUTE,
};

/** Named starting points; every field can be overridden. */
export const PRESETS = {
  strict: STRICT,
  'keep-going': { ...STRICT, fallback: 'checkpoint' },
  observe: { ...STRICT, attempts: 0 },
} as const satisfies Record<string, Policy>;
