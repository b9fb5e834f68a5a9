// Compares the answers of heartline serve with its own OpenAPI document.
//
//   node openapi.mjs URL [TOKEN]
//
// Asks each path that can be read once, with the first job, member and block that there are, and prints one line for each
// answer that is as the document says, `ok …`. Exit status 1 with the first that is not.
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

class Failure extends Error {}

const [base, token] = process.argv.slice(2);
const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };

/** @param {string} path */
async function get(path) {
  return fetch(new URL(path, base), { headers, signal: AbortSignal.timeout(20_000) });
}

/** A validator of all schemas of the document. */
function validator(document) {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  addFormats(ajv);
  ajv.addVocabulary(['components', 'openapi', 'info', 'servers', 'security', 'paths']);
  ajv.addSchema(document, 'openapi');
  return ajv;
}

/** What stands for a parameter. */
async function examples() {
  const { jobs, is_live: isLive } = await (await get('api/v1/jobs')).json();
  const job = jobs[0].id;
  const members = isLive ? (await (await get(`api/v1/jobs/${job}`)).json()).members : [];
  return { job, node: members[0]?.node ?? 'nobody', block: 0 };
}

/** Checks one answer. */
async function check(ajv, template, operation, values) {
  const path = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]));
  const answer = await get(path.slice(1));
  const told = operation.responses[answer.status];
  const pointer = `${template} ${answer.status}`;
  if (!told) throw new Failure(`${pointer}: this status is not in the document`);
  const type = (answer.headers.get('content-type') ?? '').split(';')[0];
  if (type === 'text/event-stream') {
    await answer.body.cancel();
  } else if (type === 'application/json') {
    const { schema } = told.content?.[type] ?? {};
    if (!schema) throw new Failure(`${pointer}: JSON is not in the document`);
    const reference = schema.$ref ? { $ref: `openapi${schema.$ref}` } : schema;
    const validate = ajv.compile(reference);
    const value = await answer.json();
    if (!validate(value)) {
      const errors = ajv.errorsText(validate.errors, { separator: '\n  ' });
      throw new Failure(`${pointer}:\n  ${errors}\n${JSON.stringify(value).slice(0, 2000)}`);
    }
  } else {
    await answer.text();
  }
  if (!told.content?.[type]) throw new Failure(`${pointer}: ${type} is not in the document`);
  console.log(`ok ${answer.status} ${template}`);
}

try {
  const document = await (await get('api/v1/openapi.json')).json();
  const ajv = validator(document);
  const values = await examples();
  for (const name of Object.keys(document.components.schemas)) {
    ajv.compile({ $ref: `openapi#/components/schemas/${name}` });
  }
  for (const [template, { get: operation }] of Object.entries(document.paths)) {
    if (operation) await check(ajv, template, operation, values);
  }
  process.exit(0);
} catch (error) {
  console.log(`failed ${error instanceof Failure ? error.message : error.stack}`);
  process.exit(1);
}
