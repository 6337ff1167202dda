/**
 * Why Flink refused a submission or a savepoint, by the last `Caused by` of its answer. Seen on Flink 1.20.5 and
 * 2.2.1; texts of other versions from their sources.
 *
 * The same class of exception means different things at different places: a FileNotFoundException of the program's own
 * main method is no missing state, and a Hadoop connection that ends is an EOFException like a cut `_metadata`. So a
 * verdict on the restore point is only given where Flink was loading it.
 */
import type { FailureCode } from '../domain/failure.js';
import { causesIn } from './flink-answers.js';

export type FlinkRefusal =
  | { readonly is: 'duplicate' }
  | { readonly is: 'failure'; readonly code: FailureCode; readonly message: string };

interface Rule {
  /** Matched against the last cause. */
  readonly last: RegExp;
  /** Matched against the whole chain, when the last cause alone does not tell. */
  readonly chain?: RegExp;
  readonly code: FailureCode;
}

/** The JobMaster could not load what it was given. */
const LOADING = /JobInitializationException|Could not start the JobMaster/;
/** Flink was at work on a file system: loading the point, or storing the job's files. */
const STORAGE =
  /JobInitializationException|Could not start the JobMaster|Could not upload job files|heckpoint|avepoint|FileSystem/;

const RULES: readonly Rule[] = [
  // Refused before the program was run at all.
  { last: /./, chain: /Request did not match expected format/, code: 'ConfigInvalid' },
  // Flink asked itself and got no answer: the job may be starting.
  { last: /AskTimeoutException|TimeoutException: Invocation of|Ask timed out on/, code: 'SubmitInDoubt' },

  { last: /SafeModeException|Name node is in safe mode/, code: 'StorageSafeMode' },
  { last: /StandbyException|not supported in state standby/, code: 'StorageStandby' },
  { last: /BlockMissingException|Could not obtain block|No live nodes contain/, code: 'BlocksMissing' },
  {
    last: /minReplication nodes|QuotaExceededException|could only be (written|replicated) to/,
    code: 'StorageNotWritable',
  },
  { last: /AccessControlException|Permission denied: user=/, code: 'AccessDenied' },
  { last: /AuthenticationException|InvalidToken|token .* (is expired|can't be found)/, code: 'AuthFailed' },
  {
    last: /ConnectException|NoRouteToHostException|UnknownHostException|SocketTimeoutException|Read timed out|ConnectTimeoutException|RetriableException|End of File Exception between local host|Connection reset|Broken pipe/,
    chain: STORAGE,
    code: 'StorageUnavailable',
  },

  {
    last: /Cannot find meta data file '_metadata'|Cannot find checkpoint or savepoint/,
    code: 'StateMissing',
  },
  { last: /FileNotFoundException\)?: File does not exist/, chain: LOADING, code: 'StateMissing' },
  { last: /Unexpected magic number/, code: 'StateCorrupt' },
  { last: /Unrecognized checkpoint version number|written by a newer/, code: 'StateTooNew' },
  { last: /Cannot map checkpoint\/savepoint state|Max parallelism mismatch/, code: 'StateIncompatible' },
  {
    last: /maximum parallelism .* (can not|cannot) be|StateMigrationException/i,
    chain: LOADING,
    code: 'StateIncompatible',
  },
  {
    last: /^java\.io\.EOFException|StreamCorruptedException|UTFDataFormatException/,
    chain: LOADING,
    code: 'StateCorrupt',
  },

  { last: /NoResourceAvailableException/, code: 'NoSlots' },
  { last: /Jar file .* does not exist|Invalid jar file|could not be found in the jar/i, code: 'JarMissing' },
  {
    last: /entry point class '.*' (was not found|could not be loaded)|No .*main class/i,
    code: 'ConfigInvalid',
  },
];

/** What Flink's error text means. `Unclassified` when no rule knows it: then only a look at the job tells. */
export function flinkRefusalOf(trace: string): FlinkRefusal {
  const causes = causesIn(trace);
  const last = causes.at(-1) ?? '';
  if (causes.some((cause) => /DuplicateJobSubmissionException|Job has already been submitted/.test(cause)))
    return { is: 'duplicate' };
  const message = last.slice(0, 500);
  for (const rule of RULES) {
    if (rule.last.test(last) && (!rule.chain || rule.chain.test(trace)))
      return { is: 'failure', code: rule.code, message };
  }
  // A wrapper may come last with the telling cause above it (`Could not upload job files`, no cause given).
  if (/Could not upload job files/.test(trace)) return { is: 'failure', code: 'StorageUnavailable', message };
  return {
    is: 'failure',
    code: 'Unclassified',
    message: message === '' ? 'an error without a text' : message,
  };
}
