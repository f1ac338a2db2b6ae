package rm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/envctl/envctl/components/azure/armsim/entra"
)

// IdentityHeader is the secret that an app shows to IDENTITY_ENDPOINT: one for
// each app, the same in every process.
func IdentityHeader(signer entra.Signer, id string) string {
	mac := hmac.New(sha256.New, signer.Key)
	mac.Write([]byte("identity " + id))
	return hex.EncodeToString(mac.Sum(nil))
}
