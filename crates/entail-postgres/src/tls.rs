//! TLS: which certificates a connection believes.

use std::sync::Arc;

use entail_engine::error::DriverError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::url::{Encryption, Options};

/// Makes what encrypts connections as the options ask for it.
pub(crate) fn connector(options: &Options) -> Result<MakeRustlsConnect, DriverError> {
    let failed = |reason: String| DriverError::Connect { to: options.to(), reason };
    let provider = Arc::new(ring::default_provider());
    let trust = match options.encryption {
        Encryption::Disable | Encryption::Prefer | Encryption::Require => Trust::Anybody,
        encryption => {
            let roots = Arc::new(roots(options).map_err(failed)?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
                .build()
                .map_err(|error| failed(format!("no certificate can be verified: {error}")))?;
            match encryption {
                Encryption::VerifyCa => Trust::AnyName(verifier),
                _ => Trust::Known(verifier),
            }
        }
    };
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(format!("TLS cannot be used: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { trust, provider }))
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// The certificates of the file, or those of the system.
fn roots(options: &Options) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match &options.root_certificates {
        Some(path) => {
            let unread = |error: &dyn std::fmt::Display| {
                format!("the certificates in `{}` cannot be read: {error}", path.display())
            };
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| unread(&error))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unread(&error))?;
                roots.add(certificate).map_err(|error| unread(&error))?;
            }
            if roots.is_empty() {
                return Err(unread(&"there are none"));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(
                    "the system has no certificates; name a file with `sslrootcert`".to_owned()
                );
            }
        }
    }
    Ok(roots)
}

/// Who is believed to be the server.
#[derive(Debug)]
enum Trust {
    /// Whoever answers: the connection is encrypted, and that is all.
    Anybody,
    /// Who has a certificate from a known root, for any name.
    AnyName(Arc<WebPkiServerVerifier>),
    /// Who has a certificate from a known root for the name of the host.
    Known(Arc<WebPkiServerVerifier>),
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |verifier: &WebPkiServerVerifier| {
            verifier.verify_server_cert(certificate, intermediates, name, ocsp_response, now)
        };
        match &self.trust {
            Trust::Anybody => Ok(ServerCertVerified::assertion()),
            Trust::Known(verifier) => verify(verifier),
            Trust::AnyName(verifier) => match verify(verifier) {
                // The name is looked at last, when all else was found right.
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                )) => Ok(ServerCertVerified::assertion()),
                other => other,
            },
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
