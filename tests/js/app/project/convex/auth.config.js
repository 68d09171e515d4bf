export default {
  providers: [
    { domain: process.env.OIDC_ISSUER, applicationID: "convex" },
    { type: "customJwt", issuer: process.env.JWT_ISSUER, jwks: `${process.env.JWT_ISSUER}/jwks`, algorithm: "ES256", applicationID: "app" },
  ],
};
