/** ZooKeeper's own command line, as an administrator uses it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { classPath, java, jvmFlags } from '../../stack/java.js';

/** @throws with what the program said, unless that is what `may` expects. */
async function zkCli(server: string, command: readonly string[], may?: RegExp): Promise<string> {
  // Hadoop brings the library that parses the program's arguments; a ZooKeeper server does not need it.
  const args = ['-cp', classPath('hadoop'), 'org.apache.zookeeper.ZooKeeperMain', '-server', server];
  const { stdout, stderr } = await promisify(execFile)(java, [...jvmFlags, ...args, ...command]).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  const wrong = /KeeperErrorCode = |Exception in thread/.test(stderr) && may?.test(stderr) !== true;
  if (wrong) throw new Error(stderr);
  return stdout;
}

/**
 * `deleteall`: the node with all that is below it, also what a killed process has locked.
 * @throws with what the program said, when the node is still there.
 */
export async function deleteAll(server: string, znode: string): Promise<void> {
  await zkCli(server, ['deleteall', znode], /KeeperErrorCode = NoNode/);
}

/** The data of a node, of which only what is text can be read. */
export const textOf = (server: string, znode: string): Promise<string> => zkCli(server, ['get', znode]);

/** The paths of all nodes below this one, and its own. */
export async function everyNode(server: string, root: string): Promise<readonly string[]> {
  const said = await zkCli(server, ['ls', '-R', root]);
  return said.split('\n').filter((line) => line.startsWith(root));
}
