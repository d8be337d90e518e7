import { namespace } from '../helper.ts'
import { buildHAR } from './build-har.ts'
import { joinMaps } from './join-maps.ts'

export const wrapper = namespace('wrapper', 'What would take several helpers, in one call.', {
  buildHAR,
  joinMaps,
})
