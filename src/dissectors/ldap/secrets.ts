/** Attributes with passwords and their hashes. Options (`;binary`) and case do not matter. */
export function isSecret(attribute: string): boolean {
  const options = attribute.indexOf(';')
  return SECRETS.has((options < 0 ? attribute : attribute.slice(0, options)).toLowerCase())
}

const SECRETS: ReadonlySet<string> = new Set([
  'userpassword',
  '2.5.4.35',
  'unicodepwd',
  'dbcspwd',
  'ntpwdhistory',
  'lmpwdhistory',
  'supplementalcredentials',
  'clearpassword',
  'authpassword',
  'pwdhistory',
  'sambantpassword',
  'sambalmpassword',
  'sambapasswordhistory',
  'krbprincipalkey',
  'ipanthash',
  'radiuspassword',
  'userpkcs12',
  'olcrootpw',
  'ms-mcs-admpwd',
  'mslaps-password',
  'msds-managedpassword',
  'nsslapd-rootpw',
])
