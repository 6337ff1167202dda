/**
 * A job that the operator's own program submits (design, 11): YARN, application clusters, scripts. What the program is
 * told, and how the answer of its `lookup` is read.
 */
import { fault, type Fault } from './failure.js';
import { isRunId, type JobName, type RunId } from './ids.js';

/** What may stand in braces in a launch or lookup command. */
export const PLACEHOLDERS = ['restorePath', 'runId', 'claimMode', 'clusterId', 'kafkaFrom'] as const;

export type LaunchValues = Readonly<Record<(typeof PLACEHOLDERS)[number], string>>;

/** Placeholders of a command, known or not. */
export const placeholdersIn = (command: readonly string[]): readonly string[] =>
  command.flatMap((argument) => [...argument.matchAll(/\{([A-Za-z]+)\}/g)].map((m) => m[1] ?? ''));

/**
 * What the program is told about one submission. The cluster id is as new as the run id: in application mode Flink
 * derives the job id from it, and its job result store remembers a used one for ever. A submission in doubt is repeated
 * with both, so that a second JobManager finds the first and stands by.
 */
export const launchValues = (
  job: JobName,
  run: RunId,
  restorePath: string,
  kafkaFrom: string = FROM_STATE,
): LaunchValues => ({
  restorePath,
  runId: run,
  claimMode: 'NO_CLAIM',
  clusterId: clusterIdOf(job, run),
  kafkaFrom,
});

/** `{kafkaFrom}` of a submission with a restore point: the state says where to go on. */
export const FROM_STATE = 'committed';

/** Letters, digits and `-`, at most 45 characters: what Kubernetes, YARN and ZooKeeper all take. */
export const clusterIdOf = (job: JobName, run: RunId): string => {
  const plain = job.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return `holdfast-${plain.slice(0, 20).replaceAll(/^-+|-+$/g, '')}-${run.slice(0, 12)}`;
};

/** The argument list with every placeholder filled. One pass: a value that looks like a placeholder stays as it is. */
export const fillCommand = (command: readonly string[], values: LaunchValues): readonly string[] =>
  command.map((argument) =>
    argument.replaceAll(/\{([A-Za-z]+)\}/g, (whole, name: string) =>
      name in values ? values[name as keyof LaunchValues] : whole,
    ),
  );

/** What `lookup` says of a run id. */
export interface LookedUp {
  /** `none`: it was never submitted. `dead`: it was, and is over. */
  readonly is: 'none' | 'pending' | 'running' | 'dead';
  /** The id under which Flink shows the run; null: the one it was given. */
  readonly shown: RunId | null;
}

/**
 * The last line that a lookup printed: one word, and, where Flink chose the job id itself, that id after it
 * (`running 8a4f…`). Null: anything else, which is no answer.
 */
export function lookedUpIn(out: string): LookedUp | null {
  const [word, id, ...more] = (out.trim().split('\n').at(-1) ?? '').trim().split(/\s+/);
  if (more.length > 0 || (id !== undefined && !isRunId(id))) return null;
  if (word !== 'none' && word !== 'pending' && word !== 'running' && word !== 'dead') return null;
  return { is: word, shown: id ?? null };
}

/** A launch that nobody but a person can settle. By run id, so that one person's word is about one submission. */
export const launchInDoubt = (run: RunId, why: string): Fault =>
  fault(
    'LaunchInDoubt',
    `the launch command of run ${run} may or may not have started the job (${why}), and no launch.lookup is configured`,
    run,
  );
