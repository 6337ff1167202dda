import { createHash } from 'node:crypto';
import pMap from 'p-map';
import type { Call, Flink, FlinkJob } from '../adapters/ports.js';
import type { ClusterConfig } from '../config/config.js';
import type { Alert } from '../domain/alert.js';
import { failure } from '../domain/failure.js';
import type { HaSettings } from '../domain/ha-settings.js';
import type { ClusterName, JobName } from '../domain/ids.js';
import { emptyLedger, record, recordGap, type JobLedger } from '../domain/ledger.js';
import { episodesAfter, NOTICES, type Notice, type NoticeChange, type Severity } from '../domain/notice.js';
import { isTerminal } from '../domain/situation.js';
import {
  nothingNoted,
  patienceOf,
  watched as watchedOnce,
  type Alarm,
  type JobWatch,
  type View,
} from '../domain/watch.js';
import { findingsOf, type JobSight } from '../domain/watch-notices.js';
import type { Deps } from './deps.js';
import { expiries, type Expiries } from './expiry.js';
import { haOf, haSettingsOf, lookAtJob } from './job-sight.js';
import { wantedFrom } from './notify.js';

/** Milliseconds between two looks. */
const EVERY = 10_000;
/** Progress is written to the memo at least this often (milliseconds). */
const AT_MOST = 10 * 60_000;
/** A time without looks that is longer than this (milliseconds) is a gap. */
const GAP = 60_000;
/** Jobs that are looked at at the same time. */
const TOGETHER = 10;

export type Ledgers = Readonly<Record<JobName, JobLedger>>;
/** What the watch keeps of each job between two looks. */
export type Noted = Readonly<Record<JobName, JobWatch>>;

export interface WatchJobsInput {
  readonly cluster: ClusterName;
  readonly ledgers: Ledgers;
  /** Epoch milliseconds of the last look of an earlier call; null for the first. */
  readonly lastLook: number | null;
  readonly noted: Noted;
}

export interface Watched {
  readonly ledgers: Ledgers;
  /** Epoch milliseconds. */
  readonly lastLook: number;
  readonly noted: Noted;
  /** Runs found failed, lost or blank for the first time; each goes to the one case of its job. */
  readonly alerts: readonly Alert[];
  /** Notices that this look has raised, or found to be over. */
  readonly notices: readonly Notice[];
  /** The lowest severity that anybody wants to be told of; null: nobody is told. */
  readonly wantedFrom: Severity | null;
}

/**
 * Reads Flink REST for all configured jobs; returns when a run or a state has changed, when there is an alert or a
 * notice, or after ten minutes. Where REST does not answer, ZooKeeper is asked who leads.
 */
export async function watchJobs(
  deps: Deps,
  input: WatchJobsInput,
  signal: AbortSignal,
  heartbeat: (details: Watched) => void,
): Promise<Watched> {
  const { clock } = deps.ports;
  const flink = deps.ports.flink(input.cluster);
  const cluster = clusterOf(deps, input.cluster);
  const names = jobsOf(deps, input.cluster);
  const call: Call = { signal };
  const ended = new AbortController();
  const expiryOf = expiries(deps, AbortSignal.any([signal, ended.signal]));
  const started = clock.now();
  let { lastLook, noted } = input;
  let ledgers = withGaps(input, started);
  try {
    for (;;) {
      const jobs = await flink.jobs(call);
      const unseen = jobs.is === 'present' ? null : await whoLeads(deps, cluster, call);
      const settings = unseen === null ? await haSettingsOf(flink, call) : null;
      if (jobs.is === 'present') {
        ledgers = withGaps({ ledgers, lastLook }, clock.now());
        lastLook = clock.now();
      }
      const looks = await pMap(
        names,
        (name) => {
          const before = ledgers[name] ?? emptyLedger(started);
          const shown = jobs.is === 'present' ? runsOf(deps, name, jobs.value) : [];
          const view = unseen ?? viewOf(shown);
          const was = noted[name] ?? nothingNoted;
          return lookAtOne(
            { deps, flink, cluster: input.cluster, name, shown, view, settings, expiryOf, call },
            before,
            was,
          );
        },
        { concurrency: TOGETHER },
      );
      for (const one of looks) {
        ledgers = { ...ledgers, [one.name]: one.after };
        noted = { ...noted, [one.name]: one.noted };
      }
      const watched: Watched = {
        ledgers,
        lastLook: lastLook ?? started,
        noted,
        alerts: looks.flatMap((one) => one.alerts),
        notices: looks.flatMap((one) => one.notices),
        wantedFrom: wantedFrom(deps.ports.receivers),
      };
      const news = looks.some((one) => one.changed || one.alerts.length > 0 || one.notices.length > 0);
      if (news || clock.now() - started >= AT_MOST) return watched;
      heartbeat(watched);
      await clock.sleep(EVERY, signal);
    }
  } finally {
    ended.abort(new Error('this step of the watch has ended'));
  }
}

interface One {
  readonly deps: Deps;
  readonly flink: Flink;
  readonly cluster: ClusterName;
  readonly name: JobName;
  /** Runs of the job as the JobManager lists them, newest first. */
  readonly shown: readonly FlinkJob[];
  readonly view: View;
  /** Null: not seen in this look. */
  readonly settings: HaSettings | null;
  readonly expiryOf: Expiries;
  readonly call: Call;
}

/** One look at one job. What cannot be read of it stays as it was: its unknown is not another's. */
async function lookAtOne(it: One, before: JobLedger, was: JobWatch) {
  const { deps, flink, cluster, name, shown, view, settings, expiryOf, call } = it;
  const at = deps.ports.clock.now();
  const ha =
    view.is === 'answered' ? haOf(settings, clusterOf(deps, cluster).ha !== null) : ('unknown' as const);
  const seen = await lookAtJob(flink, shown, { ledger: before, memory: was.notices }, ha, at, call);
  const sighting =
    seen.sighting !== null && settings !== null ? { ...seen.sighting, ha: settings } : seen.sighting;
  const after = sighting === null ? before : record(before, sighting);
  const look = { before, after, view, running: seen.running, at };
  const { noted, alarms } = watchedOnce(was, look, patienceOf(clusterOf(deps, cluster)));
  const newest = after.points[0] ?? null;
  const sight: JobSight | null =
    seen.sight === null
      ? null
      : { ...seen.sight, pointKnown: newest !== null, expiry: expiryOf(name, newest) };
  const policy = deps.config.jobs[name]?.policy;
  // Nobody who answered, or a JobManager that may still be reading its jobs: nothing is over by that.
  const blind = view.is === 'unanswered' || noted.absence !== null || policy === undefined;
  const { open, changes } = episodesAfter(was.notices.open, blind ? {} : findingsOf(sight, policy), at);
  return {
    name,
    after,
    noted: { ...noted, notices: { ...seen.memory, open } } satisfies JobWatch,
    changed: stateOf(before) !== stateOf(after),
    alerts: alarms.map((alarm) => alertOf(deps, cluster, name, alarm)),
    notices: changes.map((change) => noticeOf(cluster, name, change, at)),
  };
}

const clusterOf = (deps: Deps, name: ClusterName): ClusterConfig => {
  const cluster = deps.config.clusters[name];
  if (cluster === undefined) throw failure('ConfigInvalid', `expected a configured cluster, found ${name}`);
  return cluster;
};

/** REST did not answer: that says nothing of the job. ZooKeeper's leader node tells whether there is anybody to answer. */
async function whoLeads(deps: Deps, { ha }: ClusterConfig, call: Call): Promise<View> {
  if (ha === null) return { is: 'unanswered', leads: 'unknown' };
  const { root, clusterId } = ha;
  const cluster = await deps.ports.haStore(ha.zookeeper).cluster({ root, clusterId }, call);
  // A cluster's node that is not there is rather a wrong configuration than a cluster without a leader.
  if (cluster.is !== 'present') return { is: 'unanswered', leads: 'unknown' };
  return { is: 'unanswered', leads: cluster.value.leader === null ? 'nobody' : 'somebody' };
}

const viewOf = (shown: readonly FlinkJob[]): View => ({
  is: 'answered',
  shown: shown.map((j) => j.run),
  alive: shown.filter((j) => !isTerminal(j.state)).map((j) => j.run),
});

/** The ledgers, with the time without looks that ends now, if it was one. */
function withGaps({ ledgers, lastLook }: Pick<WatchJobsInput, 'ledgers' | 'lastLook'>, now: number): Ledgers {
  if (lastLook === null || now - lastLook <= GAP) return ledgers;
  const entries = Object.entries(ledgers).map(([job, ledger]) => [job, recordGap(ledger, lastLook, now)]);
  return Object.fromEntries(entries) as Ledgers;
}

const jobsOf = (deps: Deps, cluster: ClusterName): readonly JobName[] =>
  (Object.keys(deps.config.jobs) as JobName[]).filter((name) => deps.config.jobs[name]?.cluster === cluster);

/** Runs of a job as the JobManager lists them, newest first. */
const runsOf = (deps: Deps, name: JobName, jobs: readonly FlinkJob[]): readonly FlinkJob[] =>
  jobs.filter((j) => j.name === deps.config.jobs[name]?.match.name).sort((a, b) => b.startTime - a.startTime);

/** The newest run and its state: what a change is a change of. */
const stateOf = (ledger: JobLedger): string => {
  const newest = ledger.runs[0];
  return newest === undefined ? 'never seen' : `${newest.run} ${newest.state}`;
};

const alertOf = (deps: Deps, cluster: ClusterName, name: JobName, alarm: Alarm): Alert => ({
  // A failed run fails once; a run can be lost or blank again.
  fingerprint: createHash('sha256')
    .update(
      alarm.what === 'failed'
        ? `watch ${cluster} ${name} ${alarm.run} FAILED`
        : `watch ${cluster} ${name} ${alarm.run} ${alarm.what} ${alarm.since}`,
    )
    .digest('hex')
    .slice(0, 16),
  source: 'watch',
  cluster,
  job: name,
  run: alarm.run,
  summary: `${deps.config.jobs[name]?.match.name ?? name}: ${alarm.summary}`,
  startedAt: alarm.since,
  labels: {},
  link: null,
});

const keyOf = (cluster: ClusterName, job: JobName, { kind, since }: NoticeChange): string =>
  `watch/${cluster}/${job}/${kind}/${since}`;

const noticeOf = (cluster: ClusterName, job: JobName, change: NoticeChange, at: number): Notice => ({
  kind: change.kind,
  severity: NOTICES[change.kind].severity,
  state: change.state,
  key: keyOf(cluster, job, change),
  ends: change.state === 'over' ? [keyOf(cluster, job, change)] : [],
  cluster,
  job,
  summary: change.summary,
  at,
  workflowId: null,
});
