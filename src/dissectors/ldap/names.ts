/** Tags of operations, and what they are called (RFC 4511 §4.2 to §4.13). */
export const BIND_REQUEST = 0x60
export const BIND_RESPONSE = 0x61
export const UNBIND_REQUEST = 0x42
export const SEARCH_REQUEST = 0x63
export const SEARCH_ENTRY = 0x64
export const SEARCH_DONE = 0x65
export const SEARCH_REFERENCE = 0x73
export const MODIFY_REQUEST = 0x66
export const ADD_REQUEST = 0x68
export const DEL_REQUEST = 0x4a
export const MODIFY_DN_REQUEST = 0x6c
export const COMPARE_REQUEST = 0x6e
export const ABANDON_REQUEST = 0x50
export const EXTENDED_REQUEST = 0x77
export const EXTENDED_RESPONSE = 0x78
export const INTERMEDIATE_RESPONSE = 0x79

export const REQUESTS: Readonly<Record<number, string>> = {
  [BIND_REQUEST]: 'Bind Request',
  [UNBIND_REQUEST]: 'Unbind Request',
  [SEARCH_REQUEST]: 'Search Request',
  [MODIFY_REQUEST]: 'Modify Request',
  [ADD_REQUEST]: 'Add Request',
  [DEL_REQUEST]: 'Del Request',
  [MODIFY_DN_REQUEST]: 'Modify DN Request',
  [COMPARE_REQUEST]: 'Compare Request',
  [ABANDON_REQUEST]: 'Abandon Request',
  [EXTENDED_REQUEST]: 'Extended Request',
}

export const RESPONSES: Readonly<Record<number, string>> = {
  [BIND_RESPONSE]: 'Bind Response',
  [SEARCH_ENTRY]: 'Search Result Entry',
  [SEARCH_DONE]: 'Search Result Done',
  [SEARCH_REFERENCE]: 'Search Result Reference',
  103: 'Modify Response',
  105: 'Add Response',
  107: 'Del Response',
  109: 'Modify DN Response',
  111: 'Compare Response',
  [EXTENDED_RESPONSE]: 'Extended Response',
  [INTERMEDIATE_RESPONSE]: 'Intermediate Response',
}

export const START_TLS = '1.3.6.1.4.1.1466.20037'
export const PASSWORD_MODIFY = '1.3.6.1.4.1.4203.1.11.1'
export const PAGED_RESULTS = '1.2.840.113556.1.4.319'

/** Extended operations, controls and intermediate responses. https://www.iana.org/assignments/ldap-parameters */
export const OID_NAMES: Readonly<Record<string, string>> = {
  [START_TLS]: 'StartTLS',
  [PASSWORD_MODIFY]: 'Password Modify',
  '1.3.6.1.4.1.4203.1.11.3': 'Who am I?',
  '1.3.6.1.1.8': 'Cancel',
  '1.3.6.1.1.19': 'Turn',
  '1.3.6.1.1.21.1': 'Start Transaction',
  '1.3.6.1.1.21.3': 'End Transaction',
  '1.3.6.1.4.1.1466.101.119.1': 'Dynamic Refresh',
  '1.3.6.1.4.1.1466.20036': 'Notice of Disconnection',
  '1.2.840.113556.1.4.1781': 'Fast Bind',
  [PAGED_RESULTS]: 'Paged Results',
  '1.2.840.113556.1.4.417': 'Show Deleted',
  '1.2.840.113556.1.4.473': 'Server Side Sort',
  '1.2.840.113556.1.4.474': 'Server Side Sort Response',
  '1.2.840.113556.1.4.528': 'Notification',
  '1.2.840.113556.1.4.529': 'Extended DN',
  '1.2.840.113556.1.4.619': 'Lazy Commit',
  '1.2.840.113556.1.4.801': 'Security Descriptor Flags',
  '1.2.840.113556.1.4.805': 'Tree Delete',
  '1.2.840.113556.1.4.841': 'DirSync',
  '1.2.840.113556.1.4.1339': 'Domain Scope',
  '1.2.840.113556.1.4.1340': 'Search Options',
  '1.2.840.113556.1.4.1413': 'Permissive Modify',
  '1.2.840.113556.1.4.2064': 'Show Recycled',
  '1.3.6.1.1.12': 'Assertion',
  '1.3.6.1.1.13.1': 'Pre-Read',
  '1.3.6.1.1.13.2': 'Post-Read',
  '1.3.6.1.1.22': "Don't Use Copy",
  '1.3.6.1.4.1.42.2.27.8.5.1': 'Password Policy',
  '1.3.6.1.4.1.4203.1.9.1.1': 'Sync Request',
  '1.3.6.1.4.1.4203.1.9.1.2': 'Sync State',
  '1.3.6.1.4.1.4203.1.9.1.3': 'Sync Done',
  '1.3.6.1.4.1.4203.1.9.1.4': 'Sync Info',
  '1.3.6.1.4.1.4203.1.10.1': 'Subentries',
  '1.3.6.1.4.1.21008.108.63.1': 'Session Tracking',
  '2.16.840.1.113730.3.4.2': 'Manage DSA IT',
  '2.16.840.1.113730.3.4.3': 'Persistent Search',
  '2.16.840.1.113730.3.4.7': 'Entry Change Notification',
  '2.16.840.1.113730.3.4.9': 'Virtual List View',
  '2.16.840.1.113730.3.4.10': 'Virtual List View Response',
  '2.16.840.1.113730.3.4.15': 'Authorization Identity Response',
  '2.16.840.1.113730.3.4.16': 'Authorization Identity Request',
  '2.16.840.1.113730.3.4.18': 'Proxied Authorization',
}

/** RFC 4511 §4.1.9; from 118 on RFC 3909, RFC 4528, RFC 4370 and RFC 4533. */
export const RESULT_NAMES: Readonly<Record<number, string>> = {
  0: 'success',
  1: 'operationsError',
  2: 'protocolError',
  3: 'timeLimitExceeded',
  4: 'sizeLimitExceeded',
  5: 'compareFalse',
  6: 'compareTrue',
  7: 'authMethodNotSupported',
  8: 'strongerAuthRequired',
  9: 'partialResults',
  10: 'referral',
  11: 'adminLimitExceeded',
  12: 'unavailableCriticalExtension',
  13: 'confidentialityRequired',
  14: 'saslBindInProgress',
  16: 'noSuchAttribute',
  17: 'undefinedAttributeType',
  18: 'inappropriateMatching',
  19: 'constraintViolation',
  20: 'attributeOrValueExists',
  21: 'invalidAttributeSyntax',
  32: 'noSuchObject',
  33: 'aliasProblem',
  34: 'invalidDNSyntax',
  36: 'aliasDereferencingProblem',
  48: 'inappropriateAuthentication',
  49: 'invalidCredentials',
  50: 'insufficientAccessRights',
  51: 'busy',
  52: 'unavailable',
  53: 'unwillingToPerform',
  54: 'loopDetect',
  64: 'namingViolation',
  65: 'objectClassViolation',
  66: 'notAllowedOnNonLeaf',
  67: 'notAllowedOnRDN',
  68: 'entryAlreadyExists',
  69: 'objectClassModsProhibited',
  71: 'affectsMultipleDSAs',
  80: 'other',
  118: 'canceled',
  119: 'noSuchOperation',
  120: 'tooLate',
  121: 'cannotCancel',
  122: 'assertionFailed',
  123: 'authorizationDenied',
  4096: 'e-syncRefreshRequired',
}
