import type { WellKnownGroup } from './group.ts';

/** What citizens and administrations of Spain, and their European counterparts, cannot do without. */
export const spain: readonly WellKnownGroup[] = [
  {
    id: 'es-government',
    reason: 'the electronic administration of the State',
    // https://administracion.gob.es, directory of bodies (DIR3)
    names: [
      ...['gob.es', 'redsara.es', 'clave.gob.es', 'firmaelectronica.gob.es', 'valide.redsara.es', 'cert.fnmt.es', 'fnmt.es'],
      ...['dnielectronico.es', 'agenciatributaria.es', 'aeat.es', 'seg-social.es', 'sepe.es', 'boe.es', 'dgt.es', 'policia.es'],
      ...['guardiacivil.es', 'ine.es', 'muface.es', 'catastro.es', 'sedecatastro.gob.es', 'registradores.org', 'notariado.org'],
      ...['correos.es', 'aemet.es', 'ign.es', 'csic.es', 'ciemat.es', 'isciii.es', 'icex.es', 'enisa.es', 'red.es', 'incibe.es'],
      ...['incibe-cert.es', 'cni.es', 'ccn-cert.cni.es', 'dsn.gob.es', 'casareal.es', 'congreso.es', 'senado.es'],
      ...['tribunalconstitucional.es', 'poderjudicial.es', 'defensordelpueblo.es', 'tcu.es', 'bde.es', 'cnmv.es', 'cnmc.es', 'csn.es'],
      ...['aepd.es', 'ejercito.mde.es', 'mde.es', '060.es', '112.es'],
    ],
  },
  {
    id: 'es-regions',
    reason: 'the administration of a region, its hospitals and its emergency services',
    // https://administracion.gob.es, links to regions and their health services
    names: [
      ...['juntadeandalucia.es', 'aragon.es', 'asturias.es', 'caib.es', 'gobiernodecanarias.org', 'cantabria.es', 'jcyl.es'],
      ...['castillalamancha.es', 'jccm.es', 'gencat.cat', 'gva.es', 'juntaex.es', 'xunta.gal', 'xunta.es', 'sergas.es'],
      ...['comunidad.madrid', 'madrid.org', 'carm.es', 'navarra.es', 'euskadi.eus', 'euskadi.net', 'ejgv.euskadi.eus', 'larioja.org'],
      ...['ceuta.es', 'melilla.es', 'osakidetza.eus', 'salud.madrid.org', 'catsalut.cat', 'ics.gencat.cat', 'sespa.es'],
      ...['saludcastillayleon.es', 'ibsalut.es', 'madrid.es', 'barcelona.cat', 'valencia.es', 'sevilla.org', 'zaragoza.es'],
      ...['malaga.eu', 'murcia.es', 'bilbao.eus', 'palma.cat', 'scsalud.es', 'murciasalud.es', 'riojasalud.es'],
    ],
  },
  {
    id: 'es-essential-operators',
    reason: 'an operator of essential services',
    // Operators' own sites; registers: https://www.cnmc.es, https://www.bde.es
    names: [
      ...['ree.es', 'redeia.com', 'enagas.es', 'omie.es', 'iberdrola.es', 'endesa.com', 'naturgy.es', 'repsol.com', 'exolum.com'],
      ...['canaldeisabelsegunda.es', 'aena.es', 'enaire.es', 'renfe.com', 'adif.es', 'puertos.es', 'salvamentomaritimo.es'],
      ...['emtmadrid.es', 'metromadrid.es', 'tmb.cat', 'telefonica.com', 'telefonica.net', 'telefonica.es', 'movistar.es', 'orange.es'],
      ...['masorange.es', 'vodafone.es', 'cellnextelecom.com', 'rtve.es', 'rediris.es', 'espanix.net', 'catnix.net', 'iberpay.com'],
      ...['iberpay.es', 'redsys.es', 'bizum.es', 'bolsasymercados.es', 'santander.com', 'bancosantander.es', 'bbva.es', 'bbva.com'],
      ...['caixabank.es', 'caixabank.com', 'bancsabadell.com', 'bankinter.com', 'unicaja.es', 'kutxabank.es', 'ibercaja.es'],
      ...['abanca.com', 'cajamar.es', 'ruralvia.com', 'ing.es', 'cruzroja.es', 'once.es', 'cellnex.com', 'edistribucion.com'],
      ...['i-de.es', 'ufd.es', 'iberdrola.com', 'naturgy.com'],
    ],
  },
  {
    id: 'europe',
    reason: 'institutions of the Union and the exchange between States',
    // https://european-union.europa.eu and sites of the organisations
    names: [
      ...['europa.eu', 'ecb.europa.eu', 'enisa.europa.eu', 'europol.europa.eu', 'cert.europa.eu', 'nato.int', 'coe.int', 'who.int'],
      ...['un.org', 'eumetsat.int', 'esa.int', 'eurocontrol.int', 'swift.com', 'sita.aero', 'geant.org', 'interpol.int', 'bis.org'],
      ...['csirtsnetwork.eu'],
    ],
  },
];
