import { type Definition, Dictionary, namesIn } from '../../aaa/dictionary.ts'
import { IP_PORT, STANDARD } from './standard.ts'
import { VENDOR_ATTRIBUTES } from './vendors.ts'

/** RFC 8044 §3 has most of them; a `secret` is masked, and what is one in a `pair`; one byte in front of what is `tagged` tells which tunnel it is of. */
export type AttributeType = ValueType | 'tagged-text' | 'tagged-secret' | 'tagged-integer' | ContainerType

/** Of attributes that have a value … */
export type ValueType =
  | 'text'
  | 'octets'
  | 'secret'
  | 'pair'
  | 'byte'
  | 'short'
  | 'integer'
  | 'signed'
  | 'integer64'
  | 'time'
  | 'ipv4'
  | 'ipv6'
  | 'ipv4-prefix'
  | 'ipv6-prefix'
  | 'interface-id'
  | 'egress-vlan'
  | 'egress-name'

/** … and of those in which there are others. */
type ContainerType = 'eap' | 'vendor' | 'tlv' | 'extended' | 'long-extended'

export type AttributeDefinition = Definition<AttributeType>

/** By number: `1`, `241.5`, `241.5.3`. */
export function standardAttribute(path: string): AttributeDefinition | undefined {
  const isPort = path.startsWith('241.5.') || path.startsWith('241.6.') || path.startsWith('241.7.')
  return isPort ? dictionary.find('port', path.slice(6)) : dictionary.find('standard', path)
}

/** By the vendor's number and that of the attribute within: `1`, `59.2`. */
export function vendorAttribute(vendor: number, path: string): AttributeDefinition | undefined {
  return dictionary.find(vendor, path)
}

/** The number itself where the name is not known here. */
export function vendorName(vendor: number): string {
  return VENDORS.get(vendor) ?? String(vendor)
}

const dictionary = new Dictionary<AttributeType>({ standard: STANDARD, port: IP_PORT, ...VENDOR_ATTRIBUTES })
/** https://www.iana.org/assignments/enterprise-numbers: those that make access servers, or define attributes. */
const VENDORS = namesIn(
  '5=ACC;9=Cisco;11=HP;43=3Com;66=Citrix;94=Nokia;161=Motorola;166=Shiva;171=D-Link;193=Ericsson;244=Lantronix;272=BinTec;307=Livingston;311=Microsoft;429=USR;529=Ascend;562=Nortel;637=Alcatel;664=Adtran;674=Dell;800=Xylan;890=Zyxel;1584=Bay Networks;1588=Brocade;1872=Alteon;1916=Extreme;1991=Foundry;2011=Huawei;2352=Redback;2356=Lancom;2606=Rittal;2620=Check Point;2636=Juniper;3041=Alcatel;3076=Cisco VPN 3000;3224=NetScreen;3309=Nomadix;3375=F5;3561=ADSL Forum;3902=ZTE;4329=Siemens;4491=CableLabs;4846=Lucent;4874=ERX;5003=AudioCodes;5263=Cisco BBSM;5535=3GPP2;5597=Meinberg;6431=BroadSoft;6527=Nokia SR;7779=Infoblox;8164=Starent;8741=SonicWall;8744=Colubris;9048=Cambium;9148=Acme Packet;9694=Arbor;10055=Roaring Penguin;10415=3GPP;11344=FreeRADIUS;12356=Fortinet;12951=Verizon;13644=pfSense;14122=WISPr;14179=Airespace;14525=Trapeze;14559=ChilliSpot;14823=Aruba;14988=Mikrotik;17163=Riverbed;17713=Cambium;21274=Camiant;22736=Digium;24757=WiMAX;25053=Ruckus;25461=Palo Alto Networks;25506=H3C;25622=UKERNA;26928=Aerohive;29671=Meraki;30065=Arista;33049=Mellanox;35265=Eltex;40808=Wi-Fi Alliance;41112=Ubiquiti;41482=Yubico;43356=Mimosa',
)
