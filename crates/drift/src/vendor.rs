//! What answers say of the service's own future, beside what was asked for: the end of its certificate, and the headers by
//! which a service announces that it goes.

use http::HeaderMap;
use model::Millis;

use crate::http_date;

/// When the certificate that the host showed ends. The network's transport leaves it among a response's extensions; one
/// without TLS leaves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateEnd(pub Millis);

/// Signs of an ending, read from one answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VendorSigns {
    /// When the host's certificate ends.
    pub certificate_end: Option<Millis>,
    /// When the resource is to go (`Sunset`, RFC 8594).
    pub sunset: Option<Millis>,
    /// Whether the resource is said to be deprecated (`Deprecation`, RFC 9745), from whenever.
    pub deprecated: bool,
}

impl VendorSigns {
    /// Read what is there; a date that cannot be read is left out.
    #[must_use]
    pub fn read<T>(response: &http::Response<T>) -> Self {
        Self {
            certificate_end: response.extensions().get::<CertificateEnd>().map(|end| end.0),
            sunset: text(response.headers(), "sunset").and_then(http_date::parse),
            deprecated: text(response.headers(), "deprecation").is_some_and(|value| value != "false"),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// When a DER certificate ends; `None` for what is no certificate.
pub(crate) fn certificate_end(der: &[u8]) -> Option<CertificateEnd> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Some(CertificateEnd(Millis(certificate.validity().not_after.timestamp().saturating_mul(1_000))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_read_and_what_is_no_date_is_left_out() {
        let mut response = http::Response::new(());
        assert_eq!(VendorSigns::read(&response), VendorSigns::default());
        let headers = response.headers_mut();
        headers.insert("sunset", "Sat, 31 Dec 2033 23:59:59 GMT".parse().unwrap());
        headers.insert("deprecation", "@1688169599".parse().unwrap());
        response.extensions_mut().insert(CertificateEnd(Millis(7)));
        let signs = VendorSigns::read(&response);
        assert_eq!((signs.sunset, signs.deprecated), (Some(Millis(2_019_686_399_000)), true));
        assert_eq!(signs.certificate_end, Some(Millis(7)));
        response.headers_mut().insert("sunset", "soon".parse().unwrap());
        assert_eq!(VendorSigns::read(&response).sunset, None);
        assert_eq!(certificate_end(b"no certificate"), None);
    }
}
