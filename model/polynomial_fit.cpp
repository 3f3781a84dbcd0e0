#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <set>

#include "model/metrics.h"

namespace afnet {

std::vector<double> polynomial_fit(const std::vector<double> &x, const std::vector<double> &y, int degree) {
    const int distinct = int(std::set<double>(x.begin(), x.end()).size());
    const int terms = std::min(degree + 1, distinct);
    if (terms < 1) return {};
    Eigen::MatrixXd powers(long(x.size()), terms);
    for (long row = 0; row < powers.rows(); ++row) {
        for (int term = 0; term < terms; ++term)
            powers(row, term) = std::pow(x[size_t(row)], term);
    }
    const Eigen::VectorXd values = Eigen::Map<const Eigen::VectorXd>(y.data(), long(y.size()));
    const Eigen::VectorXd fitted = powers.colPivHouseholderQr().solve(values);
    return {fitted.data(), fitted.data() + fitted.size()};
}

double polynomial_value(const std::vector<double> &coefficients, double x) {
    double value = 0;
    for (auto each = coefficients.rbegin(); each != coefficients.rend(); ++each)
        value = value * x + *each;
    return value;
}

} // namespace afnet
