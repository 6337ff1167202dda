/**
 * Flink's REST API, 1.13 to 2.x. Each JobManager of a cluster answers for the leader; while there is none it says 503.
 *
 * When a look says `absent`: Flink's own 404 in JSON names the run as not found, *and* the same address answers
 * `/overview` properly in the same call. A proxy's 404, a history server or a JobManager in an election is unknown.
 *
 * A submission is sent once. What came before it (finding or uploading the jar) can fail as `FlinkUnavailable`; after
 * the connection for it stands, everything but a clear answer of Flink is `SubmitInDoubt`.
 */
import type { FlinkConfig } from '../config/config.js';
import { type Fault, failure, fault, faultOf, HoldfastError } from '../domain/failure.js';
import { type RunId } from '../domain/ids.js';
import { absent, present, type Reading, unknown } from '../domain/reading.js';
import { type Bounds, bounded, look } from './bounded-call.js';
import {
  acceptedRunIn,
  checkpointConfigIn,
  checkpointsIn,
  configurationIn,
  errorsIn,
  exceptionsIn,
  jarsIn,
  jobDetailIn,
  jobsIn,
  overviewIn,
  savepointStatusIn,
  UnusableAnswer,
  decidingText,
} from './flink-answers.js';
import { type FlinkRequest, type FlinkSent, type HttpSettings, sendToFlink } from './flink-http.js';
import { jarUpload, uploadNameOf } from './flink-jar.js';
import { countSources } from './flink-source-count.js';
import { flinkRefusalOf } from './flink-refusals.js';
import type { Call, Flink, FlinkJobDetail, FlinkState, Submission } from './ports.js';
import { tlsOptions } from './tls-files.js';

/** Deadlines in milliseconds for calls that name none. Flink waits up to 300 s for its own storage in a submission. */
export const FLINK_DEADLINES = { look: 10_000, submit: 340_000, cancel: 60_000, savepoint: 600_000 } as const;

/** Milliseconds between two looks while something is under way in Flink. */
const POLL = 250;
/** Exceptions that are asked for; Flink keeps 16 by default. */
const MAX_EXCEPTIONS = 100;

/** What one address said. */
type Told<T> =
  | { readonly is: 'value'; readonly value: T; readonly origin: string }
  /** Flink's own 404. */
  | { readonly is: 'missing'; readonly text: string; readonly origin: string }
  | { readonly is: 'refused'; readonly because: Fault };

/**
 * @param name the cluster's name in the configuration, for messages
 * @throws ConfigInvalid when an address or a TLS file cannot be used
 */
export function flinkRest(name: string, config: FlinkConfig): Flink & { close(): Promise<void> } {
  const origins = config.rest.map(baseOf);
  if (origins.length === 0) throw failure('ConfigInvalid', `cluster ${name} has no flink.rest address`);
  const settings: HttpSettings = {
    authorization: authorizationOf(config),
    tls: tlsOptions(config.tls),
  };
  let leader = origins[0] ?? '';

  const send = (origin: string, request: FlinkRequest, bounds: Bounds): Promise<FlinkSent> =>
    sendToFlink(origin, request, settings, bounds);

  async function tell<T>(
    origin: string,
    request: FlinkRequest,
    parse: (json: unknown, origin: string) => T,
    bounds: Bounds,
  ): Promise<Told<T>> {
    const sent = await send(origin, request, bounds);
    const where = `${origin}${request.path}`;
    if (sent.is === 'no-answer')
      return refusedBecause('FlinkUnavailable', `the JobManager ${sent.message}`, where);
    if (sent.status === 200 || sent.status === 202) {
      if (sent.json === undefined)
        return refusedBecause(
          'FlinkUnavailable',
          `expected JSON, found HTTP ${sent.status} with something else`,
          where,
        );
      try {
        return { is: 'value', value: parse(sent.json, origin), origin };
      } catch (error) {
        if (!(error instanceof UnusableAnswer)) throw error;
        return refusedBecause('Unclassified', error.message, where);
      }
    }
    const errors = errorsIn(sent.json);
    if (sent.status === 404 && errors !== null) return { is: 'missing', text: errors, origin };
    return { is: 'refused', because: refusalOf(sent, errors, where) };
  }

  /** Asks the remembered leader first, then the other addresses, each with its share of the time. */
  async function ask<T>(
    path: string,
    parse: (json: unknown, origin: string) => T,
    bounds: Bounds,
  ): Promise<Told<T>> {
    const order = [...origins].sort((a, b) => Number(b === leader) - Number(a === leader));
    const faults: Fault[] = [];
    for (const [index, origin] of order.entries()) {
      const timeout = bounds.left() / (order.length - index);
      const told = await tell(origin, { method: 'GET', path, timeout }, parse, bounds);
      if (told.is !== 'refused') {
        leader = origin;
        return told;
      }
      faults.push(told.because);
    }
    return { is: 'refused', because: combined(faults) };
  }

  /** A look that cannot be absent: the thing asked for is the JobManager's own. */
  function lookAt<T>(
    path: string,
    parse: (json: unknown, origin: string) => T,
    call: Call,
  ): Promise<Reading<T>> {
    return bound(call, path, async (bounds) => {
      const told = await ask(path, parse, bounds);
      switch (told.is) {
        case 'value':
          return present(told.value);
        case 'missing':
          return unknown(
            fault('FlinkUnavailable', `no JobManager: ${oneLine(told.text)}`, told.origin + path),
          );
        case 'refused':
          return unknown(told.because);
      }
    });
  }

  function lookAtRun<T>(
    run: RunId,
    suffix: string,
    parse: (json: unknown) => T,
    notThere: RegExp,
    call: Call,
  ): Promise<Reading<T>> {
    const path = `/jobs/${run}${suffix}`;
    return bound(call, path, (bounds) => readRun(path, run, parse, notThere, bounds));
  }

  async function readRun<T>(
    path: string,
    run: RunId,
    parse: (json: unknown) => T,
    notThere: RegExp,
    bounds: Bounds,
  ): Promise<Reading<T>> {
    const told = await ask(path, parse, bounds);
    if (told.is === 'value') return present(told.value);
    if (told.is === 'refused') return unknown(told.because);
    const about = told.text.toLowerCase();
    if (!notThere.test(told.text) && !(about.includes(run) && about.includes('not found')))
      return unknown(fault('FlinkUnavailable', `no JobManager: ${oneLine(told.text)}`, told.origin + path));
    const control = await tell(
      told.origin,
      { method: 'GET', path: '/overview', timeout: bounds.left() },
      overviewIn,
      bounds,
    );
    if (control.is === 'value') return absent;
    const why = control.is === 'refused' ? control.because.message : oneLine(control.text);
    return unknown(
      fault('FlinkUnavailable', `404, but /overview of the same address says: ${why}`, told.origin + path),
    );
  }

  const readJob = (run: RunId, bounds: Bounds): Promise<Reading<FlinkJobDetail>> =>
    readRun(`/jobs/${run}`, run, jobDetailIn, NEVER, bounds);

  function bound<T>(
    call: Call,
    path: string,
    work: (bounds: Bounds) => Promise<Reading<T>>,
  ): Promise<Reading<T>> {
    const limits = {
      deadline: FLINK_DEADLINES.look,
      late: (ms: number) => fault('FlinkUnavailable', `cluster ${name} did not answer within ${ms} ms`, path),
    };
    return look(call, limits, work, faultOf);
  }

  /** The jar's id on the leader, uploaded when it is not there. */
  async function jarOnLeader(
    submission: Submission,
    bounds: Bounds,
  ): Promise<{ origin: string; id: string }> {
    const wanted = uploadNameOf(submission.jar);
    const there = await ask('/jars', jarsIn, bounds);
    if (there.is === 'refused') throw new HoldfastError(neverAccepted(there.because));
    if (there.is === 'missing')
      throw failure(
        'ConfigInvalid',
        'the cluster takes no jars (web.submit.enable is off)',
        `${there.origin}/jars`,
      );
    const { origin } = there;
    const found = there.value.find((jar) => jar.name === wanted);
    if (found) return { origin, id: found.id };

    const form = await jarUpload(submission.jar, bounds.signal);
    const uploaded = await tell(
      origin,
      { method: 'POST', path: '/jars/upload', body: form, timeout: bounds.left() },
      () => undefined,
      bounds,
    );
    if (uploaded.is === 'refused') throw new HoldfastError(neverAccepted(uploaded.because));
    if (uploaded.is === 'missing')
      throw failure('FlinkUnavailable', `no upload: ${oneLine(uploaded.text)}`, origin);
    const after = await tell(
      origin,
      { method: 'GET', path: '/jars', timeout: bounds.left() },
      jarsIn,
      bounds,
    );
    const jar = after.is === 'value' ? after.value.find((each) => each.name === wanted) : undefined;
    if (!jar)
      throw failure(
        'FlinkUnavailable',
        `the jar was uploaded as ${wanted} and is not listed; nothing was submitted`,
        origin,
      );
    return { origin, id: jar.id };
  }

  async function run(
    submission: Submission,
    jar: { readonly origin: string; readonly id: string },
    onConnected: () => void,
    bounds: Bounds,
  ): Promise<'accepted' | 'duplicate'> {
    const path = `/jars/${encodeURIComponent(jar.id)}/run`;
    const request = {
      method: 'POST',
      path,
      body: { json: runBody(submission) },
      timeout: bounds.left(),
      onConnected,
    } as const;
    const sent = await send(jar.origin, request, bounds);
    const inDoubt = (message: string) => failure('SubmitInDoubt', message, submission.run);
    if (sent.is === 'no-answer')
      throw sent.unsent
        ? failure('FlinkUnavailable', `the JobManager ${sent.message}; nothing was submitted`, jar.origin)
        : inDoubt(`the submission was sent and not answered (${sent.message})`);
    if (sent.status === 200) {
      const accepted = acceptedRun(sent.json);
      if (accepted === submission.run) return 'accepted';
      throw inDoubt(
        accepted === null
          ? 'the submission was answered with HTTP 200 and no job id'
          : `Flink answered with the run ${accepted} instead`,
      );
    }
    const errors = errorsIn(sent.json);
    if (sent.status === 401 || sent.status === 403)
      throw new HoldfastError(refusalOf(sent, errors, jar.origin));
    if (isElection(sent, errors))
      throw failure('FlinkUnavailable', 'a leader election is under way; nothing was submitted', jar.origin);
    if ((sent.status !== 400 && sent.status !== 404) || errors === null)
      throw inDoubt(
        `the submission was answered with HTTP ${sent.status}${errors === null ? ' and no error of Flink' : `: ${oneLine(errors)}`}`,
      );
    const refusal = flinkRefusalOf(errors);
    if (refusal.is === 'duplicate') return 'duplicate';
    if (refusal.code === 'Unclassified') await refuteRunning(submission.run, refusal.message, bounds);
    throw failure(refusal.code, refusal.message, submission.savepointPath ?? submission.run);
  }

  /** A program's main method may fail *after* it has submitted its job: an unknown refusal is only one without a run. */
  async function refuteRunning(id: RunId, message: string, bounds: Bounds): Promise<void> {
    const reading = await readJob(id, bounds);
    if (reading.is === 'absent') return;
    if (reading.is === 'present' && reading.value.state === 'FAILED') return;
    const found =
      reading.is === 'present' ? `the run is ${reading.value.state}` : 'whether the run is there is unknown';
    throw failure(
      'SubmitInDoubt',
      `Flink answered with an error (${message.slice(0, 300)}), but ${found}`,
      id,
    );
  }

  async function cancelRun(id: RunId, bounds: Bounds): Promise<void> {
    const path = `/jobs/${id}?mode=cancel`;
    for (;;) {
      const reading = await readJob(id, bounds);
      if (reading.is === 'absent') return;
      if (reading.is === 'present') {
        if (isEnded(reading.value.state)) return;
        // Any answer is only a hint (500 in the first moments, 409 when it ended by itself): the next look decides.
        if (reading.value.state !== 'CANCELLING')
          await send(leader, { method: 'PATCH', path, timeout: bounds.left() }, bounds);
      }
      await bounds.sleep(POLL);
    }
  }

  async function takeSavepoint(
    id: RunId,
    to: { readonly directory: string; readonly triggerId: string },
    bounds: Bounds,
  ): Promise<string> {
    const path = `/jobs/${id}/savepoints`;
    const body = { json: { 'target-directory': to.directory, 'cancel-job': false, triggerId: to.triggerId } };
    for (;;) {
      const status = await ask(`${path}/${to.triggerId}`, savepointStatusIn, bounds);
      if (status.is === 'value') {
        if (status.value.is === 'done') return status.value.location;
        if (status.value.is === 'failed') throw savepointFailure(status.value.trace, to.directory);
      }
      if (status.is === 'missing') {
        if (/job .*not found/i.test(status.text) && status.text.toLowerCase().includes(id))
          throw failure('FlinkUnavailable', 'the JobManager does not know the run', id);
        // The trigger id makes this repeatable: Flink answers a second one with the first.
        const request = { method: 'POST', path, body, timeout: bounds.left() } as const;
        const triggered = await tell(leader, request, () => undefined, bounds);
        if (triggered.is === 'missing')
          throw failure('FlinkUnavailable', `no savepoint: ${oneLine(triggered.text)}`, id);
        if (
          triggered.is === 'refused' &&
          triggered.because.code !== 'FlinkUnavailable' &&
          triggered.because.code !== 'FlinkRestarting'
        )
          throw new HoldfastError(triggered.because);
      }
      await bounds.sleep(POLL);
    }
  }

  return {
    overview: (call) => lookAt('/overview', overviewIn, call),
    configuration: (call) => lookAt('/jobmanager/config', configurationIn, call),
    jobs: (call) => lookAt('/jobs/overview', jobsIn, call),
    job: (id, call) => lookAtRun(id, '', jobDetailIn, NEVER, call),
    checkpoints: (id, call) => lookAtRun(id, '/checkpoints', checkpointsIn, NO_CHECKPOINTING, call),
    checkpointConfig: (id, call) =>
      lookAtRun(id, '/checkpoints/config', checkpointConfigIn, NO_CHECKPOINTING, call),
    exceptions: (id, call) =>
      lookAtRun(id, `/exceptions?maxExceptions=${MAX_EXCEPTIONS}`, exceptionsIn, NEVER, call),
    sourceCount: (id, topics, call) =>
      bound(call, `/jobs/${id}`, (bounds) =>
        countSources(id, topics, (suffix, parse) =>
          readRun(`/jobs/${id}${suffix}`, id, parse, NEVER, bounds),
        ),
      ),

    async submit(submission, call) {
      let isSent = false;
      const limits = {
        deadline: FLINK_DEADLINES.submit,
        late: (ms: number) =>
          isSent
            ? fault(
                'SubmitInDoubt',
                `the submission was sent and not answered within ${ms} ms`,
                submission.run,
              )
            : fault(
                'FlinkUnavailable',
                `cluster ${name} did not answer within ${ms} ms; nothing was submitted`,
              ),
      };
      return bounded(call, limits, async (bounds) => {
        const jar = await jarOnLeader(submission, bounds);
        return run(submission, jar, () => (isSent = true), bounds);
      });
    },

    cancel: (id, call) =>
      bounded(
        call,
        {
          deadline: FLINK_DEADLINES.cancel,
          late: (ms) => fault('FlinkUnavailable', `the run was not seen to end within ${ms} ms`, id),
        },
        (bounds) => cancelRun(id, bounds),
      ),

    savepoint: (id, to, call) =>
      bounded(
        call,
        {
          deadline: FLINK_DEADLINES.savepoint,
          late: (ms) =>
            fault('FlinkUnavailable', `the savepoint was not seen to complete within ${ms} ms`, id),
        },
        (bounds) => takeSavepoint(id, to, bounds),
      ),

    // Nothing is shared between calls: each request has its own connection, closed at its end.
    close: () => Promise.resolve(),
  };
}

const NEVER = /(?!)/;
const NO_CHECKPOINTING = /Checkpointing (is not|has not been) enabled/i;

const isEnded = (state: FlinkState): boolean =>
  state === 'FAILED' || state === 'CANCELED' || state === 'FINISHED';

function runBody(submission: Submission): Readonly<Record<string, unknown>> {
  return {
    jobId: submission.run,
    programArgsList: submission.args,
    allowNonRestoredState: false,
    ...(submission.entryClass === null ? {} : { entryClass: submission.entryClass }),
    ...(submission.parallelism === null ? {} : { parallelism: submission.parallelism }),
    ...(submission.savepointPath === null
      ? {}
      : // Two names for one thing: restoreMode since 1.15, claimMode since 1.20.
        { savepointPath: submission.savepointPath, restoreMode: 'NO_CLAIM', claimMode: 'NO_CLAIM' }),
    ...(Object.keys(submission.flinkConfiguration).length === 0
      ? {}
      : { flinkConfiguration: submission.flinkConfiguration }),
  };
}

function acceptedRun(json: unknown): RunId | null {
  try {
    return acceptedRunIn(json);
  } catch {
    return null;
  }
}

function savepointFailure(trace: string, directory: string): HoldfastError {
  const refusal = flinkRefusalOf(trace);
  if (refusal.is === 'failure' && refusal.code !== 'SubmitInDoubt')
    return failure(refusal.code, refusal.message, directory);
  return failure('Unclassified', decidingText(trace), directory);
}

const refusedBecause = (code: Fault['code'], message: string, where: string): Told<never> => ({
  is: 'refused',
  because: fault(code, message, where),
});

const isElection = (sent: Extract<FlinkSent, { is: 'answer' }>, errors: string | null): boolean =>
  sent.status === 503 && errors !== null && /leader election|Service temporarily unavailable/i.test(errors);

function refusalOf(sent: Extract<FlinkSent, { is: 'answer' }>, errors: string | null, where: string): Fault {
  const told = errors === null ? '' : `: ${oneLine(errors)}`;
  if (isElection(sent, errors))
    return fault('FlinkRestarting', `a leader election is under way${told}`, where);
  if (sent.status === 401) return fault('AuthFailed', `HTTP 401${told}`, where);
  if (sent.status === 403) return fault('AccessDenied', `HTTP 403${told}`, where);
  if (sent.status >= 300 && sent.status < 400)
    return fault(
      'FlinkUnavailable',
      `HTTP ${sent.status}: a redirect${toOrigin(sent.location)} was not followed; flink.rest names the addresses`,
      where,
    );
  return fault('FlinkUnavailable', `HTTP ${sent.status}${told || ' without an error of Flink'}`, where);
}

const toOrigin = (location: string | null): string =>
  location !== null && URL.canParse(location) ? ` to ${new URL(location).host}` : '';

/** One answer for several addresses: an election means that there are JobManagers, so it tells more than a dead one. */
function combined(faults: readonly Fault[]): Fault {
  const [first] = faults;
  if (!first) return fault('ConfigInvalid', 'the cluster has no REST address');
  const rank = (each: Fault) =>
    ['AuthFailed', 'AccessDenied', 'Unclassified', 'FlinkRestarting'].indexOf(each.code);
  const telling = [...faults].sort((a, b) => rank(b) - rank(a))[0] ?? first;
  if (faults.length === 1) return telling;
  const all = faults.map((each) => `${each.where ?? ''} ${each.message}`).join('; ');
  return fault(telling.code, all.slice(0, 600), telling.where);
}

/** Before the submission itself every refusal of the JobManager means: not accepted. */
const neverAccepted = (because: Fault): Fault =>
  because.code === 'FlinkRestarting' ? { ...because, code: 'FlinkUnavailable' } : because;

const oneLine = (text: string): string => decidingText(text).slice(0, 300);

function baseOf(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:'))
    return url.origin + url.pathname.replace(/\/+$/, '');
  throw failure(
    'ConfigInvalid',
    'expected the base URL of a JobManager such as http://jobmanager:8081',
    address,
  );
}

function authorizationOf({ auth }: FlinkConfig): string | null {
  if (!auth) return null;
  if ('bearer' in auth) return `Bearer ${auth.bearer.reveal()}`;
  const pair = `${auth.basic.username}:${auth.basic.password.reveal()}`;
  return `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
}
