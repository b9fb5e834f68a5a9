// Addresses of YARN's own pages for a task attempt. No DOM.

const ATTEMPT = /^attempt_(\d+)_(\d+)_([mr])_(\d+)_\d+$/;

/**
 * The pages of an attempt's application and task: the latter leads to the logs of all its attempts. None if the attempt is no
 * id of Hadoop's.
 * @param {string} base the address of the ResourceManager @param {unknown} attempt
 * @returns {{ text: string, href: string }[]}
 */
export function yarnLinks(base, attempt) {
  const found = ATTEMPT.exec(String(attempt ?? ''));
  if (base === '' || !found) return [];
  const [, cluster, job, kind, task] = found;
  const application = `application_${cluster}_${job}`;
  const start = base.replace(/\/+$/, '');
  return [
    { text: 'application in YARN', href: `${start}/cluster/app/${application}` },
    {
      text: 'task and its logs in YARN',
      href: `${start}/proxy/${application}/mapreduce/task/task_${cluster}_${job}_${kind}_${task}`,
    },
  ];
}
