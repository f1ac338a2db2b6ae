package engine

import "testing"

func TestOpenURL(t *testing.T) {
	const checksums = "request_checksum_calculation=when_required"
	t.Setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "")
	for store, want := range map[string]string{
		"s3://b/team?region=eu-north-1": "s3://b/team?region=eu-north-1",
		"s3://b?endpoint=minio:9000&disableSSL=true&s3ForcePathStyle=true": "s3://b?disable_https=true&endpoint=http%3A%2F%2Fminio%3A9000&" +
			checksums + "&s3ForcePathStyle=true",
		"s3://b?endpoint=minio&disableSSL=1":                                   "s3://b?disable_https=1&endpoint=http%3A%2F%2Fminio&" + checksums,
		"s3://b?endpoint=minio:9000":                                           "s3://b?endpoint=https%3A%2F%2Fminio%3A9000&" + checksums,
		"s3://b?endpoint=http://m&request_checksum_calculation=when_supported": "s3://b?endpoint=http%3A%2F%2Fm&request_checksum_calculation=when_supported",
		"gs://b/team":                  "gs://b/team",
		"azblob://c?storage_account=a": "azblob://c?storage_account=a",
		"not a url\n":                  "not a url\n",
	} {
		if got := openURL(store); got != want {
			t.Errorf("%s: %s, expected %s", store, got, want)
		}
	}
}
