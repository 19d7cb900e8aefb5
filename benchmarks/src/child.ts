/** Entry of both processes of a case: `child.js lead` or `child.js second`. */

import { runLead } from './lead.js';
import { runSecond } from './second.js';

const role = process.argv[2];
if (role === 'lead') runLead();
else if (role === 'second') runSecond();
else throw new Error(`child.js takes 'lead' or 'second', not ${role}`);
