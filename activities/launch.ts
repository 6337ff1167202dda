import type { Call } from '../adapters/ports.js';
import type { Deps } from './deps.js';
import type { ConfiguredJob } from './job.js';
import { launchByCommand } from './launch-by-command.js';
import { launchByJar } from './launch-by-jar.js';
import type { Launcher, Launching } from './launcher.js';

export const launcherOf = (deps: Deps, it: ConfiguredJob, launching: Launching, call: Call): Launcher => {
  const { launch } = it.job;
  return launch.kind === 'jar'
    ? launchByJar(deps, it, launch, launching, call)
    : launchByCommand(deps, it, launch, launching, call);
};
