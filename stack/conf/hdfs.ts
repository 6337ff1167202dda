export interface NameNodePlace {
  /** `nn1`, `nn2`. */
  readonly id: string;
  readonly rpc: number;
  readonly http: number;
}

export interface DataNodePlace {
  readonly id: string;
  readonly data: number;
  readonly http: number;
  readonly ipc: number;
}

export interface HdfsPlan {
  /** One NameNode, or an HA pair. */
  readonly nameNodes: readonly NameNodePlace[];
  /** Only with a pair. */
  readonly journal: { readonly rpc: number; readonly http: number } | undefined;
  readonly dataNodes: readonly DataNodePlace[];
  readonly replication: number;
  /** Folder below which every server keeps its data. */
  readonly data: string;
}

/** Logical name of the HA pair. */
export const NAMESERVICE = 'holdfast';
/** Superuser of HDFS, whatever the user of this machine is called. */
export const HDFS_SUPERUSER = 'hdfs';

export const isPair = ({ nameNodes }: HdfsPlan): boolean => nameNodes.length > 1;

export function hdfsUri(plan: HdfsPlan): string {
  return isPair(plan) ? `hdfs://${NAMESERVICE}` : `hdfs://127.0.0.1:${plan.nameNodes[0]?.rpc}`;
}

type Properties = Readonly<Record<string, string | number | boolean>>;

const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const xml = (properties: Properties): string =>
  [
    '<configuration>',
    ...Object.entries(properties).map(
      ([name, value]) =>
        `  <property><name>${name}</name><value>${escapeXml(String(value))}</value></property>`,
    ),
    '</configuration>',
    '',
  ].join('\n');

export const coreSite = (plan: HdfsPlan): string =>
  xml({
    'fs.defaultFS': hdfsUri(plan),
    'hadoop.tmp.dir': `${plan.data}/hadoop-tmp`,
    'hadoop.http.staticuser.user': 'webuser',
  });

function pairProperties(plan: HdfsPlan): Properties {
  if (plan.journal === undefined) return {};
  const ids = plan.nameNodes.map(({ id }) => id).join(',');
  return {
    'dfs.nameservices': NAMESERVICE,
    [`dfs.ha.namenodes.${NAMESERVICE}`]: ids,
    ...Object.fromEntries(
      plan.nameNodes.flatMap(({ id, rpc, http }) => [
        [`dfs.namenode.rpc-address.${NAMESERVICE}.${id}`, `127.0.0.1:${rpc}`],
        [`dfs.namenode.http-address.${NAMESERVICE}.${id}`, `127.0.0.1:${http}`],
      ]),
    ),
    'dfs.namenode.shared.edits.dir': `qjournal://127.0.0.1:${plan.journal.rpc}/${NAMESERVICE}`,
    'dfs.journalnode.edits.dir': `${plan.data}/journal`,
    'dfs.journalnode.rpc-address': `127.0.0.1:${plan.journal.rpc}`,
    'dfs.journalnode.http-address': `127.0.0.1:${plan.journal.http}`,
    [`dfs.client.failover.proxy.provider.${NAMESERVICE}`]:
      'org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider',
    'dfs.ha.fencing.methods': 'shell(/bin/true)',
    'dfs.ha.automatic-failover.enabled': false,
    'dfs.ha.tail-edits.period': 2,
    // The standby asks the active to roll its edits; one that sleeps would be asked, and end itself when it wakes.
    'dfs.ha.log-roll.period': -1,
    'dfs.image.transfer.timeout': 10_000,
  };
}

const singleProperties = ({ nameNodes }: HdfsPlan): Properties => ({
  'dfs.namenode.rpc-address': `127.0.0.1:${nameNodes[0]?.rpc}`,
  'dfs.namenode.http-address': `127.0.0.1:${nameNodes[0]?.http}`,
});

const dataNodeProperties = (plan: HdfsPlan, node: DataNodePlace): Properties => ({
  'dfs.datanode.data.dir': `file://${plan.data}/${node.id}`,
  'dfs.datanode.address': `127.0.0.1:${node.data}`,
  'dfs.datanode.http.address': `127.0.0.1:${node.http}`,
  'dfs.datanode.ipc.address': `127.0.0.1:${node.ipc}`,
});

/**
 * `hdfs-site.xml`; the one of a DataNode when `dataNode` is given, else of NameNodes and clients. A NameNode says which
 * of the pair it is by `-Dholdfast.server=nn1`.
 */
export function hdfsSite(plan: HdfsPlan, dataNode?: DataNodePlace): string {
  return xml({
    ...(isPair(plan) ? pairProperties(plan) : singleProperties(plan)),
    ...(dataNode === undefined ? {} : dataNodeProperties(plan, dataNode)),
    'dfs.namenode.name.dir': `file://${plan.data}/\${holdfast.server}`,
    // The redirects of WebHDFS name 127.0.0.1.
    'dfs.datanode.hostname': '127.0.0.1',
    'dfs.namenode.datanode.registration.ip-hostname-check': false,
    'dfs.replication': plan.replication,
    'dfs.webhdfs.enabled': true,
    'dfs.permissions.enabled': true,
    'dfs.permissions.superusergroup': 'supergroup',
    // A dead DataNode is noticed after about 14 s instead of ten minutes.
    'dfs.heartbeat.interval': 1,
    'dfs.namenode.heartbeat.recheck-interval': 2000,
    // Safe mode ends 1 s after the blocks are reported instead of 30 s.
    'dfs.namenode.safemode.extension': 0,
    // A client that closes a file asks again after 20, 40, … ms instead of 400, 800, …: with one DataNode the first
    // question nearly always comes before its report, and a checkpoint would take 2 s.
    'dfs.client.block.write.locateFollowingBlock.initial.delay.ms': 20,
    'dfs.client.block.write.locateFollowingBlock.retries': 10,
    'dfs.namenode.fs-limits.min-block-size': 1024,
    'dfs.datanode.du.reserved': 0,
    'dfs.namenode.resource.du.reserved': 1_048_576,
    'dfs.namenode.handler.count': 4,
    'dfs.datanode.handler.count': 4,
  });
}

/** Log4j 1, to the file that `-Dholdfast.log` names. */
export const hadoopLog4j = `log4j.rootLogger=INFO,F
log4j.appender.F=org.apache.log4j.FileAppender
log4j.appender.F.File=\${holdfast.log}
log4j.appender.F.layout=org.apache.log4j.PatternLayout
log4j.appender.F.layout.ConversionPattern=%d{ISO8601} %-5p %c{1} - %m%n
`;

/** The published jars hold no web applications, and the servers do not start without: empty ones do. */
export const WEB_APPS = ['hdfs', 'datanode', 'journal', 'static', 'secondary'] as const;
export const EMPTY_WEB_XML = '<web-app xmlns="http://java.sun.com/xml/ns/javaee" version="2.5"></web-app>\n';
