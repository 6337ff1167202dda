/**
 * The closed list of failures (design, 7). Classification happens at the adapter's edge and nowhere else;
 * everything above speaks in these codes. `docs/errors.md` is checked against this table.
 */

/**
 * `transient`: the attempt fails, the same point is tried again. `point`: a verdict on one restore point, the ladder
 * may go on. `recovery`: stops and asks. `people`: somebody decided.
 */
export type FailureClass = 'transient' | 'point' | 'recovery' | 'people';

interface FailureEntry {
  readonly class: FailureClass;
  /** What it means, one sentence. */
  readonly means: string;
  /** What Holdfast does. */
  readonly holdfast: string;
  /** What a person can do. */
  readonly person: string;
}

export const FAILURES = {
  StorageUnavailable: {
    class: 'transient',
    means: 'The storage of the checkpoints does not answer.',
    holdfast: 'Keeps the pointer, waits for the storage, tries the same restore point again.',
    person: 'Bring the NameNode or the network back.',
  },
  StorageNotWritable: {
    class: 'transient',
    means: 'The storage answers, but a probe file could not be written and read back.',
    holdfast: 'Waits: a restored job could not complete a checkpoint.',
    person: 'Check DataNodes, quota and the permission on the scratch directory.',
  },
  StorageStandby: {
    class: 'transient',
    means: 'No NameNode is active, or a failover is in progress.',
    holdfast: 'Waits for exactly one active NameNode.',
    person: 'Check the failover controller.',
  },
  StorageSafeMode: {
    class: 'transient',
    means: 'The NameNode is in safe mode.',
    holdfast: 'Waits until it leaves safe mode.',
    person: 'Check the DataNodes; a manual safe mode ends with: hdfs dfsadmin -safemode leave',
  },
  BlocksMissing: {
    class: 'transient',
    means: 'A file is there, but no live DataNode serves its blocks.',
    holdfast: 'Treats the restore point as unknown and waits for the DataNodes.',
    person:
      'Bring the DataNodes back; if the blocks are lost for good, choose another point: holdfast choose',
  },
  HaStoreUnavailable: {
    class: 'transient',
    means: 'ZooKeeper does not answer, or has no quorum.',
    holdfast: 'Waits; never submits while the HA data cannot be read.',
    person: 'Bring the ZooKeeper ensemble back.',
  },
  FlinkUnavailable: {
    class: 'transient',
    means: 'No JobManager answers.',
    holdfast: 'Waits for the leading JobManager.',
    person: 'Start the JobManager, or configure startCluster.',
  },
  FlinkRestarting: {
    class: 'transient',
    means: 'Flink is restarting the job, or elects a leader.',
    holdfast: 'Watches; Flink may bring the job back by itself.',
    person: 'Wait, or look at the first fault.',
  },
  KafkaUnavailable: {
    class: 'transient',
    means: 'Kafka does not answer, or a partition has no leader.',
    holdfast: 'Waits for the brokers.',
    person: 'Bring the brokers back.',
  },
  NoSlots: {
    class: 'transient',
    means: 'The job has no task slots to run in.',
    holdfast: 'Waits for TaskManagers.',
    person: 'Start TaskManagers.',
  },
  NotProvedDead: {
    class: 'transient',
    means: 'No JobManager knows the old run; nobody has proved that it has stopped.',
    holdfast: 'Submits nothing; looks again until what the run leaves behind stands still.',
    person: 'Stop the TaskManagers, or the second JobManager, that still run it.',
  },
  SubmitInDoubt: {
    class: 'transient',
    means: 'A submission got no clear answer; the job may or may not have been started.',
    holdfast: 'Keeps the run id and looks for it; every later attempt uses the same id.',
    person: 'Look for the run id in the Flink UI.',
  },
  RestoreTimedOut: {
    class: 'transient',
    means: 'The restored run was not proved in time.',
    holdfast: 'Reports it as unproven and watches on; never resubmits while tasks run.',
    person: 'Look at the job in the Flink UI.',
  },
  Unclassified: {
    class: 'transient',
    means: 'A failure that Holdfast does not know.',
    holdfast: 'Counts the attempt and tries again.',
    person: 'Read the message; report it so that it gets a class.',
  },
  StateMissing: {
    class: 'point',
    means: 'Files that the restore point refers to are gone, confirmed by a usable storage.',
    holdfast: 'Declares the point broken and goes on by policy, or asks.',
    person: 'Restore the files, or allow an older point (policy fallback).',
  },
  StateCorrupt: {
    class: 'point',
    means: 'The metadata or a state file does not have the expected content or length.',
    holdfast: 'Declares the point broken and goes on by policy, or asks.',
    person: 'Allow an older point (policy fallback).',
  },
  StateTooOld: {
    class: 'point',
    means: 'The restore point is older than maxStateAge allows.',
    holdfast: 'Does not take it.',
    person: 'Raise maxStateAge, or choose the point.',
  },
  StateLost: {
    class: 'recovery',
    means: 'Restore points were known, and all of them are proved gone.',
    holdfast: 'Aborts, with what was known, when and where.',
    person: 'Look for copies and backups; start from nothing only with a reason.',
  },
  StateForeign: {
    class: 'recovery',
    means: 'A pointer leads outside the allowed storage, host or path.',
    holdfast: 'Does not follow it, and asks.',
    person: 'Check who wrote the pointer; extend the allow-list if it is right.',
  },
  StateIncompatible: {
    class: 'recovery',
    means: 'Flink cannot map the state to the program.',
    holdfast: 'Stops and asks: it judges program and point together.',
    person: 'Submit the matching program, or choose another point.',
  },
  StateTooNew: {
    class: 'recovery',
    means: 'The state was written by a newer Flink than the cluster runs.',
    holdfast: 'Stops and asks.',
    person: 'Run the newer Flink, or choose another point.',
  },
  OffsetsGone: {
    class: 'recovery',
    means: 'Kafka no longer holds the records after the restore point.',
    holdfast: 'Asks, by policy onOffsetGap: restoring would skip records silently.',
    person: 'Accept the gap, choose another point, or abort.',
  },
  LogReplaced: {
    class: 'recovery',
    means: 'The topic is not the log that the positions were taken from.',
    holdfast: 'Always asks.',
    person: 'Check whether the topic was recreated.',
  },
  TransactionsExpired: {
    class: 'recovery',
    means: 'The outage outlasted the transaction timeout of an exactly-once sink.',
    holdfast: 'Asks, by policy onTransactionExpired.',
    person: 'Accept the range of records that may be lost at the sink.',
  },
  AccessDenied: {
    class: 'recovery',
    means: 'Holdfast may not do what it has to.',
    holdfast: 'Stops and asks.',
    person: 'Grant the permission that the message names.',
  },
  AuthFailed: {
    class: 'recovery',
    means: 'Credentials were refused.',
    holdfast: 'Stops and asks.',
    person: 'Renew the credentials.',
  },
  ConfigInvalid: {
    class: 'recovery',
    means: 'The configuration does not describe what is there.',
    holdfast: 'Stops and asks.',
    person: 'Correct the configuration: holdfast config check',
  },
  JarMissing: {
    class: 'recovery',
    means: 'The program to submit cannot be found.',
    holdfast: 'Stops and asks.',
    person: 'Put the jar where launch.jar says.',
  },
  LaunchInDoubt: {
    class: 'recovery',
    means: 'A launch command without `lookup` was interrupted; the job may or may not have been started.',
    holdfast: 'Asks, and never repeats the call by itself.',
    person: 'Look for the job. If it was started: retry. If it was not: approve, and it is submitted anew.',
  },
  TwinRunning: {
    class: 'recovery',
    means: 'Another run of the same job is alive.',
    holdfast: 'Does not submit, and asks.',
    person: 'Decide which run is the right one.',
  },
  AttemptsExhausted: {
    class: 'recovery',
    means: 'The N-th attempt has failed.',
    holdfast: 'Aborts; everything is kept.',
    person: 'Mend the cause, then: holdfast resume',
  },
  DeadlinePassed: {
    class: 'recovery',
    means: 'The recovery took longer than its deadline.',
    holdfast: 'Aborts; everything is kept.',
    person: 'Mend the cause, then: holdfast resume',
  },
  ApprovalNeeded: {
    class: 'people',
    means: 'The plan is ready; a person has to agree to it first.',
    holdfast: 'Asks, and does nothing before the answer.',
    person: 'Approve or reject it: holdfast approve, holdfast reject',
  },
  Aborted: {
    class: 'people',
    means: 'A person aborted.',
    holdfast: 'Stops; everything is kept.',
    person: 'holdfast resume',
  },
  Rejected: {
    class: 'people',
    means: 'A person rejected the plan.',
    holdfast: 'Does not do it.',
    person: 'Choose another.',
  },
  Closed: {
    class: 'people',
    means: 'A person closed the case.',
    holdfast: 'Ends the case.',
    person: 'Nothing.',
  },
} as const satisfies Record<string, FailureEntry>;

export type FailureCode = keyof typeof FAILURES;

export const failureClass = (code: FailureCode): FailureClass => FAILURES[code].class;

/** One failure as data: what crosses process borders, goes into histories and is shown to people. */
export interface Fault {
  readonly code: FailureCode;
  /** What was expected, what was found; one or two sentences, no secrets. */
  readonly message: string;
  /** The place: a URI, a znode, `topic/partition`, a run id. */
  readonly where?: string;
}

export const fault = (code: FailureCode, message: string, where?: string): Fault =>
  where === undefined ? { code, message } : { code, message, where };

/** Whether a value of unknown origin, such as the details of a failure, is a fault. */
export const isFault = (value: unknown): value is Fault =>
  typeof value === 'object' &&
  value !== null &&
  'code' in value &&
  typeof value.code === 'string' &&
  value.code in FAILURES;

/** A {@link Fault} on its way up. Adapters and activities throw nothing else. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly fault: Fault;

  constructor(of: Fault, options?: ErrorOptions) {
    super(of.message, options);
    this.fault = of;
  }
}

export const failure = (code: FailureCode, message: string, where?: string, cause?: unknown): HoldfastError =>
  new HoldfastError(fault(code, message, where), cause === undefined ? undefined : { cause });

/** The fault behind any thrown value; what nobody classified is `Unclassified`. */
export function faultOf(error: unknown): Fault {
  if (error instanceof HoldfastError) return error.fault;
  return fault('Unclassified', error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}
