import type { Call, Ran } from '../adapters/ports.js';
import type { LaunchConfig } from '../config/config.js';
import { failure, faultOf, HoldfastError } from '../domain/failure.js';
import {
  fillCommand,
  launchInDoubt,
  launchValues,
  lookedUpIn,
  type LookedUp,
} from '../domain/launch-command.js';
import type { Deps } from './deps.js';
import type { ConfiguredJob } from './job.js';
import { shownRun, type Launched, type Launcher, type Launching } from './launcher.js';

/** Milliseconds for the operator's program: the same as for Flink's own answer to a submission. */
const LAUNCH_DEADLINE = 340_000;
/** Milliseconds for one lookup. */
const LOOKUP_DEADLINE = 30_000;
/** How long (milliseconds) a run may take to be found after its program ended well, and between two lookups. */
const FOUND_WITHIN = 30_000;
const LOOK_EVERY = 1_000;

/**
 * Through the operator's own program (YARN, application clusters, scripts). What it did is told by `lookup`, not by its
 * exit code: it may fail after the job was taken. Without a lookup, and without a clear refusal of Flink, nobody but a
 * person can say what an interrupted or failed call did, and it is never repeated.
 */
export function launchByCommand(
  deps: Deps,
  it: ConfiguredJob,
  launch: Extract<LaunchConfig, { kind: 'command' }>,
  { run, point, inDoubt, kafkaFrom }: Launching,
  call: Call,
): Launcher {
  const { commands, clock } = deps.ports;
  const values = launchValues(it.name, run, point?.path ?? '', kafkaFrom);
  const found = (is: Launched['is'], { shown, is: state }: LookedUp): Launched => ({
    is,
    state,
    ...(shown === null ? {} : { shown }),
  });

  return {
    earlier: async () => {
      const shown = await shownRun(deps.ports.flink(it.clusterName), run, call);
      if (shown.is === 'present') return shown.value;
      if (launch.lookup === null) {
        if (inDoubt) throw new HoldfastError(launchInDoubt(run, 'it was interrupted'));
        return null;
      }
      const looked = await lookUp(launch.lookup);
      if (looked.is === 'none') return null;
      return found(looked.is === 'dead' ? 'ended' : 'duplicate', looked);
    },
    submit: async () => {
      const ran = await runOnce();
      return launch.lookup === null ? believe(ran) : settle(ran, launch.lookup);
    },
  };

  /** Null: cut off at its deadline. */
  async function runOnce(): Promise<Ran | null> {
    try {
      return await commands.run(fillCommand(launch.command, values), { ...call, deadline: LAUNCH_DEADLINE });
    } catch (error) {
      call.signal.throwIfAborted();
      // Anything else than a cut means that it was never started.
      if (faultOf(error).code !== 'Unclassified') throw error;
      return null;
    }
  }

  function believe(ran: Ran | null): Launched {
    if (ran === null) throw new HoldfastError(launchInDoubt(run, 'it did not end in time and was killed'));
    if (ran.because === null) return { is: 'accepted', state: null };
    if (isClear(ran)) throw new HoldfastError({ ...ran.because, where: run });
    throw new HoldfastError(launchInDoubt(run, ran.because.message));
  }

  async function settle(ran: Ran | null, lookup: readonly string[]): Promise<Launched> {
    const until = clock.now() + FOUND_WITHIN;
    for (;;) {
      const looked = await lookUp(lookup).catch((error: unknown) => {
        call.signal.throwIfAborted();
        throw inDoubtBecause(`it was submitted, and ${faultOf(error).message}`, error);
      });
      if (looked.is === 'running' || looked.is === 'pending') return found('accepted', looked);
      if (ran !== null && ran.because !== null && (looked.is === 'none' || isClear(ran)))
        throw new HoldfastError({ ...ran.because, where: run });
      if (looked.is === 'dead') return found('ended', looked);
      if (ran === null) throw inDoubtBecause('the launch command did not end in time; lookup says none');
      if (clock.now() >= until)
        throw inDoubtBecause(`the launch command ended well, and lookup says none for ${FOUND_WITHIN} ms`);
      await clock.sleep(LOOK_EVERY, call.signal);
    }
  }

  /** @throws FlinkUnavailable when the lookup could not tell; ConfigInvalid, AccessDenied when it cannot be started. */
  async function lookUp(lookup: readonly string[]): Promise<LookedUp> {
    const cannotTell = (why: string) =>
      failure('FlinkUnavailable', `launch.lookup does not tell: ${why}`, run);
    let ran: Ran;
    try {
      ran = await commands.run(fillCommand(lookup, values), { ...call, deadline: LOOKUP_DEADLINE });
    } catch (error) {
      call.signal.throwIfAborted();
      if (faultOf(error).code !== 'Unclassified') throw error;
      throw cannotTell(faultOf(error).message);
    }
    if (ran.because !== null) throw cannotTell(ran.because.message);
    const looked = lookedUpIn(ran.out);
    if (looked === null)
      throw cannotTell('expected its last line to be none, pending, running or dead, and at most a job id');
    return looked;
  }

  function inDoubtBecause(why: string, cause?: unknown): HoldfastError {
    return failure('SubmitInDoubt', why, run, cause);
  }
}

/** Flink refused, in words that we know: then there is no run. */
const isClear = ({ because }: Ran): boolean =>
  because !== null && because.code !== 'Unclassified' && because.code !== 'SubmitInDoubt';
