import { namespace } from '../helper.ts'

export const wrapper = namespace('wrapper', 'What would take several helpers, in one call.', {})
